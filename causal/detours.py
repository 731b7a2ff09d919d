"""Effects without an adjustment set: through mediators, or through an instrument.

Hides the two graphical criteria (Pearl 1995; Brito & Pearl 2002). The full ID algorithm was considered and left
for later: it returns formulas whose ratios no estimator here would evaluate.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causal.identification import Estimand, Question
    from causal.separation import DirectedView

__all__ = ["front_door", "instrument"]

WIDEST_FRONT_DOOR = 3


def front_door(question: Question, tried: list[str]) -> Estimand | None:
    """Return the front-door estimand when observed mediators carry the whole effect.

    The mediators must intercept every causal path, share no open back-door path with the treatment, and have all
    their back-door paths to the outcome blocked by the treatment.
    """
    if len(question.views) > 1:
        tried.append("front-door: needs a graph without undirected edges")
        return None
    between = sorted((question.causal - {question.outcome}) & question.observed)
    for size in range(1, min(len(between), WIDEST_FRONT_DOOR) + 1):
        for mediators in combinations(between, size):
            if _is_front_door(question, mediators):
                tried.append(f"front-door: valid through {', '.join(mediators)}")
                return replace(question.estimand((), "front-door", tried), mediators=mediators)
    tried.append("front-door: " + ("no mediators intercept it" if between else "no observed mediator"))
    return None


def instrument(question: Question, tried: list[str]) -> Estimand | None:
    """Return the instrumental estimand when a column moves the outcome through the treatment only.

    The instrument must be connected to the treatment and, once the treatment's own arrows are cut, separated from
    the outcome by a set that the treatment cannot change. It gives the effect on those whose treatment it moves.
    """
    if len(question.views) > 1:
        tried.append("instrument: needs a graph without undirected edges")
        return None
    view = question.views[0]
    if not question.causal:
        tried.append("instrument: there is no causal path to measure")
        return None
    cut = view.without([(question.treatment, child) for child in view.children[question.treatment]])
    for name in sorted(question.allowed):
        given = _instrument_set(question, cut, name)
        if given is not None and not view.separated(name, question.treatment, given):
            tried.append(f"instrument: valid with {name} (the effect on those whose treatment it moves)")
            return replace(question.estimand(given, "instrument", tried), instruments=(name,))
    tried.append("instrument: no observed column moves the outcome through the treatment only")
    return None


def _is_front_door(question: Question, mediators: Collection[str]) -> bool:
    view = question.views[0]
    treatment, outcome = question.treatment, question.outcome
    cut = view.without([(parent, m) for m in mediators for parent in view.parents[m]])
    if treatment in cut.ancestors([outcome]):
        return False
    started = view.without([(treatment, child) for child in view.children[treatment]])
    if not all(started.separated(treatment, m, ()) for m in mediators):
        return False
    arrived = view.without([(m, child) for m in mediators for child in view.children[m]])
    return all(arrived.separated(m, outcome, [treatment]) for m in mediators)


def _instrument_set(question: Question, cut: DirectedView, name: str) -> set[str] | None:
    ends = (name, question.outcome)
    widest = (cut.ancestors(ends) & question.allowed) - {name}
    if not cut.separated(*ends, widest):
        return None
    return cut.smallest_nearby(question.outcome, name, widest)
