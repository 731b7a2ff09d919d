"""How an effect follows from observed columns: the order of the strategies, the answer, and the refusal.

Hides which strategies exist and in which order they are tried: the optimal adjustment set, any adjustment set, the
front-door, the ID algorithm, an instrument. The ID algorithm comes before the instrument because it answers the
question for everybody; an instrument answers it for those whose treatment the instrument moves, and the answer says
so. The whole graph is used, undirected and bidirected edges included, and not one directed version of it: where its
members disagree about the effect, the answer is a refusal that names the edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from causal.formulas.agreement import share_of_bootstraps
from causal.formulas.backdoor import Question, descendants_of_treatment, is_valid_adjustment, nearest_set, optimal_set
from causal.graph import CausalGraph

if TYPE_CHECKING:
    from causal.formulas.idalgorithm import Hedge

__all__ = ["Estimand", "NotIdentifiable", "descendants_of_treatment", "identify", "is_valid_adjustment"]


class NotIdentifiable(ValueError):
    """The graph does not say how to get the effect from the data.

    Parameters
    ----------
    message : str
        What fails and what would help.
    witness : str
        The open path or the undirected edge that stands in the way, in words.
    tried : tuple of str
        One sentence per strategy that failed.
    hedge : Hedge, optional
        The two sets of nodes that prove that no formula exists (Shpitser & Pearl 2006). None where the graph
        leaves directions open and the proof does not apply.
    """

    def __init__(self, message: str, witness: str = "", tried: Iterable[str] = (), hedge: Hedge | None = None) -> None:
        super().__init__(message)
        self.witness = witness
        self.tried = tuple(tried)
        self.hedge = hedge


@dataclass(frozen=True)
class Estimand:
    """How the effect of a treatment on an outcome follows from observed columns.

    Parameters
    ----------
    treatment, outcome : str
        The two nodes.
    adjustment_set : tuple of str
        Columns to adjust for, sorted by name. For ``method="instrument"`` the columns to condition on.
    method : str
        ``"o-set"`` or ``"adjustment"`` (adjust for ``adjustment_set``), ``"front-door"`` (through
        ``mediators``), ``"id"`` (by ``functional``) or ``"instrument"`` (through ``instruments``).
    tried : tuple of str
        One sentence per strategy, in the order they were tried.
    forbidden : tuple of str
        Columns that must not be adjusted for: what the treatment or the outcome may change, sorted by name.
    witness : str
        What would go wrong without the adjustment: an open back-door path in words, or empty.
    mediators, instruments : tuple of str
        Used by the methods of that name.
    effect : str
        Whose effect it is: ``"average"`` (of the population that is compared) or ``"local"`` (of those whose
        treatment the instrument moves, and nobody else).
    functional : str
        ``P(outcome | do(treatment))`` as a formula in probabilities of observed columns, or empty.
    assumptions : tuple of str
        What the method needs beyond the graph.
    stability : float, optional
        Share of the graph's bootstraps in which the adjustment set is valid; None without bootstraps or where the
        method adjusts for nothing of the kind.
    """

    treatment: str
    outcome: str
    adjustment_set: tuple[str, ...] = ()
    method: str = "adjustment"
    tried: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    witness: str = ""
    mediators: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    effect: str = "average"
    functional: str = ""
    assumptions: tuple[str, ...] = ()
    stability: float | None = None

    @property
    def adjusts(self) -> bool:
        """Whether comparing like with like on ``adjustment_set`` gives the effect."""
        return self.method in ("o-set", "adjustment")


def identify(graph: CausalGraph, treatment: str, outcome: str, latent: Iterable[str] = ()) -> Estimand:
    """Say how the total effect of one node on another follows from the observed nodes.

    The optimal adjustment set is ``O = pa(cn) - (forb + treatment)`` with ``cn`` the nodes on causal paths and
    ``forb`` the possible descendants of these and of the treatment. When part of it is not observed or a latent
    common cause opens it, the smallest separator closest to the outcome takes its place, then the front-door, then
    the ID algorithm, then an instrument. Without a causal path the effect is zero by the graph, and the set returned
    blocks every path, so that the data can contradict it.

    Parameters
    ----------
    graph : CausalGraph
        With directed, undirected and bidirected edges. Where it carries bootstraps, the answer says in what share
        of them its adjustment set is valid.
    treatment, outcome : str
        Two of its nodes.
    latent : iterable of str
        Nodes of the graph that are not observed.

    Returns
    -------
    Estimand

    Raises
    ------
    NotIdentifiable
        With the undirected edge or the open path that stands in the way, and the hedge that proves it.
    GraphError
        When a name is not a node.

    Notes
    -----
    Assumption: the graph is right about every absent edge. An unlisted common cause breaks the answer unseen.

    References
    ----------
    Henckel, Perković & Maathuis (2022), Graphical criteria for efficient total effect estimation, JRSS B 84.
    Shpitser & Pearl (2006), Identification of joint interventional distributions, AAAI.

    Examples
    --------
    >>> graph = CausalGraph(["wealth", "contact", "visit", "buys"],
    ...     [("wealth", "contact"), ("wealth", "buys"), ("contact", "visit"), ("visit", "buys")])
    >>> identify(graph, "contact", "buys").adjustment_set
    ('wealth',)
    """
    question = Question.pose(graph, treatment, outcome, latent)
    other = question.open_edge()
    if other is not None:
        raise _refuse_edge(question, other)
    tried: list[str] = []
    found = _by_adjustment(question, tried)
    if found is None and treatment in graph.descendants(outcome):
        raise _refuse_order(question, tried)
    if found is None:
        found = _by_detour(question, tried)
    return replace(found, stability=_stability(graph, found))


def _by_adjustment(question: Question, tried: list[str]) -> Estimand | None:
    chosen, method = optimal_set(question, tried), "o-set"
    if chosen is None:
        chosen, method = nearest_set(question, tried), "adjustment"
    if chosen is None:
        return None
    given = ", ".join(sorted(chosen))
    t, y = question.treatment, question.outcome
    formula = f"sum_{{{given}}} P({y} | {t}, {given}) P({given})" if given else f"P({y} | {t})"
    return replace(_answer(question, method, tried), adjustment_set=tuple(sorted(chosen)), functional=formula)


def _by_detour(question: Question, tried: list[str]) -> Estimand:
    """Return what works without an adjustment set, the effect on everybody first."""
    from causal.formulas.detours import find_front_door, find_instrument
    from causal.formulas.idalgorithm import Hedge, identify_distribution

    result: Hedge | None = None
    formula = ""
    mediators = find_front_door(question, tried)
    if question.settled:
        hidden = set(question.graph.nodes) - question.observed
        solved = identify_distribution(question.graph, [question.treatment], [question.outcome], hidden)
        result = solved if isinstance(solved, Hedge) else None
        formula = "" if isinstance(solved, Hedge) else str(solved)
    if mediators:
        return replace(_answer(question, "front-door", tried), mediators=mediators, functional=formula)
    tried.append(_verdict_of_id(question, result))
    lever = find_instrument(question, tried)
    if formula:
        names = () if lever is None else lever.names
        return replace(_answer(question, "id", tried), functional=formula, instruments=names)
    if lever is None:
        raise _refuse_path(question, tried, result)
    return replace(
        _answer(question, "instrument", tried),
        adjustment_set=lever.given,
        instruments=lever.names,
        effect="local",
        assumptions=lever.assumptions,
    )


def _verdict_of_id(question: Question, hedge: Hedge | None) -> str:
    if not question.settled:
        return "ID algorithm: needs a graph without undirected edges"
    return "ID algorithm: a formula exists" if hedge is None else f"ID algorithm: {hedge}"


def _answer(question: Question, method: str, tried: list[str]) -> Estimand:
    return Estimand(
        question.treatment,
        question.outcome,
        method=method,
        tried=tuple(tried),
        forbidden=tuple(sorted(question.forbidden)),
        witness=question.open_path(()),
    )


def _stability(graph: CausalGraph, found: Estimand) -> float | None:
    if not found.adjusts or graph.bootstraps is None:
        return None
    return share_of_bootstraps(graph, found.treatment, found.outcome, found.adjustment_set)


def _refuse_edge(question: Question, other: str) -> NotIdentifiable:
    witness = f"{question.treatment} -- {other}"
    role = "the outcome itself" if other == question.outcome else f"a step towards {question.outcome}"
    return NotIdentifiable(
        f"the effect of {question.treatment} on {question.outcome} differs between the graphs that remain: "
        f"{witness} has no direction, so {other} may be a cause of the treatment or {role}. "
        "State the direction as knowledge (a tier or a forbidden edge) and discover again",
        witness,
        [f"adjustment: not amenable because of {witness}"],
    )


def _refuse_order(question: Question, tried: list[str]) -> NotIdentifiable:
    t, y = question.treatment, question.outcome
    return NotIdentifiable(
        f"{y} causes {t} in this graph, so {t} has no effect on {y}, and nothing in the data could contradict that. "
        "Ask for the effect the other way round, or correct the tiers",
        question.open_path(()),
        [*tried, f"other strategies: {y} comes before {t}"],
    )


def _refuse_path(question: Question, tried: list[str], hedge: Hedge | None) -> NotIdentifiable:
    ends = (question.treatment, question.outcome)
    view = question.back_door_views[0]
    witness = view.open_path(*ends, view.ancestors(ends) & question.allowed) or question.open_path(())
    return NotIdentifiable(
        f"the effect of {question.treatment} on {question.outcome} does not follow from the observed columns: "
        f"{witness} stays open whatever is adjusted for. Measure a column that blocks it, or randomise the "
        "treatment",
        witness,
        tried,
        hedge,
    )
