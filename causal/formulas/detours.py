"""Effects without an adjustment set: through mediators, or through an instrument.

Hides the two graphical criteria and how their sets are found. Front-door (Pearl 1995): the largest set of mediators
without an open back door is unique and found by striking out the others (Jeong, Tian & Bareinboim 2022), so a refusal
is a proof; small sets are looked for first because they are easier to estimate with. Instruments (Brito & Pearl 2002),
with columns to condition on from the separator nearest to the outcome (van der Zander, Textor & Liśkiewicz 2015).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from causal.graphs.bitgraph import reach

if TYPE_CHECKING:
    from causal.formulas.backdoor import Question

__all__ = ["Instrument", "find_front_door", "find_instrument"]

SMALL = 3
MOST_COMBINATIONS = 300


@dataclass(frozen=True)
class Instrument:
    """A column that moves the outcome through the treatment only.

    Parameters
    ----------
    names : tuple of str
        The instrument.
    given : tuple of str
        Columns to condition on.
    """

    names: tuple[str, ...]
    given: tuple[str, ...]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the local effect needs beyond the graph."""
        name = self.names[0]
        return (
            f"{name} moves nobody's treatment the other way (monotonicity)",
            f"the effect is that on those whose treatment {name} moves; others may respond differently",
        )


def find_front_door(question: Question, tried: list[str]) -> tuple[str, ...]:
    """Return observed mediators that carry the whole effect, sorted by name, or nothing.

    The mediators must intercept every causal path, share no open back-door path with the treatment, and have all
    their back-door paths to the outcome blocked by the treatment.
    """
    if not question.settled:
        tried.append("front-door: needs a graph without undirected edges")
        return ()
    between = sorted((question.causal - {question.outcome}) & question.observed)
    widest = _widest_front_door(question, between)
    if not between or not _is_front_door(question, widest):
        tried.append("front-door: " + ("no mediators intercept it" if between else "no observed mediator"))
        return ()
    mediators = _smallest_front_door(question, widest)
    tried.append(f"front-door: valid through {', '.join(mediators)}")
    return mediators


def find_instrument(question: Question, tried: list[str]) -> Instrument | None:
    """Return an instrument: a column that moves the outcome through the treatment only.

    It must be connected to the treatment and, once the treatment's own arrows are cut, separated from the outcome by
    a set that the treatment cannot change. Instruments that need no conditioning come first.
    """
    if not question.settled:
        tried.append("instrument: needs a graph without undirected edges")
        return None
    if not question.causal:
        tried.append("instrument: there is no causal path to measure")
        return None
    found = _instruments(question)
    if not found:
        tried.append("instrument: no observed column moves the outcome through the treatment only")
        return None
    best = min(found, key=lambda lever: (len(lever.given), lever.names))
    given_text = f" given {', '.join(best.given)}" if best.given else ""
    tried.append(f"instrument: valid with {best.names[0]}{given_text} (the effect on those whose treatment it moves)")
    return best


def _instruments(question: Question) -> list[Instrument]:
    """Return every instrument with the columns it needs, up to the first that needs none."""
    graph, index = question.criterion.members[0], question.index
    start, end = index[question.treatment], index[question.outcome]
    cut, allowed = graph.without(start, graph.out[start]), question.bits(question.allowed)
    found = []
    for name in sorted(question.allowed):
        node = index[name]
        widest = reach(cut.into, 1 << node | 1 << end) & allowed & ~(1 << node)
        if not cut.separated(node, end, widest):
            continue
        given = cut.nearest_separator(end, node, widest)
        if not graph.separated(node, start, given):
            found.append(Instrument((name,), tuple(sorted(question.names(given)))))
            if not given:
                break
    return found


def _widest_front_door(question: Question, between: list[str]) -> list[str]:
    """Strike out mediators with an open back door until none is left to strike.

    A mediator with an open back door keeps it when the set shrinks, since fewer arrows are cut then.
    """
    graph, index = question.criterion.members[0], question.index
    start, end = index[question.treatment], index[question.outcome]
    started = graph.without(start, graph.out[start])
    kept = [m for m in between if started.separated(start, index[m], 0)]
    while True:
        arrived = graph
        for m in kept:
            arrived = arrived.without(index[m], graph.out[index[m]])
        left = [m for m in kept if arrived.separated(index[m], end, 1 << start)]
        if left == kept:
            return kept
        kept = left


def _smallest_front_door(question: Question, widest: list[str]) -> tuple[str, ...]:
    """Return a small valid part of the widest set: a smallest one where few need trying, else what shrinking leaves."""
    tries = 0
    for size in range(1, min(len(widest), SMALL) + 1):
        for mediators in combinations(widest, size):
            tries += 1
            if tries > MOST_COMBINATIONS:
                break
            if _is_front_door(question, mediators):
                return mediators
    kept = list(widest)
    for name in widest:
        rest = [other for other in kept if other != name]
        kept = rest if rest and _is_front_door(question, rest) else kept
    return tuple(kept)


def _is_front_door(question: Question, mediators: Collection[str]) -> bool:
    view = question.views[0]
    treatment, outcome = question.treatment, question.outcome
    cut = view.without([(parent, m) for m in mediators for parent in view.parents[m]])
    if not mediators or treatment in cut.ancestors([outcome]):
        return False
    started = view.without([(treatment, child) for child in view.children[treatment]])
    if not all(started.separated(treatment, m, ()) for m in mediators):
        return False
    arrived = view.without([(m, child) for m in mediators for child in view.children[m]])
    return all(arrived.separated(m, outcome, [treatment]) for m in mediators)
