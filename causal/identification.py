"""Which columns to adjust for, so that a difference between groups is the effect of the treatment.

Hides the criteria. A set is valid when it holds nothing that the treatment may change and blocks every path
between treatment and outcome that is not causal (Perković, Textor, Kalisch & Maathuis 2018); among the valid
sets the optimal one leaves the smallest variance (Henckel, Perković & Maathuis 2022). The whole graph is used,
undirected and bidirected edges included, and not one directed version of it: where its members disagree about
the effect, the answer is a refusal that names the edge. The validators of two well-known libraries accept
mediators and colliders, so the check is our own, tested against brute force.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from causal.graph import CausalGraph, GraphError
from causal.separation import DirectedView, directed_view

__all__ = ["Estimand", "NotIdentifiable", "descendants_of_treatment", "identify", "is_valid_adjustment"]

Pair = tuple[str, str]


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
    """

    def __init__(self, message: str, witness: str = "", tried: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.witness = witness
        self.tried = tuple(tried)


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
        ``mediators``) or ``"instrument"`` (through ``instruments``: the effect on those it moves).
    tried : tuple of str
        One sentence per strategy, in the order they were tried.
    forbidden : tuple of str
        Columns that must not be adjusted for: what the treatment or the outcome may change, sorted by name.
    witness : str
        What would go wrong without the adjustment: an open back-door path in words, or empty.
    mediators, instruments : tuple of str
        Used by the methods of that name.
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


def identify(graph: CausalGraph, treatment: str, outcome: str, latent: Iterable[str] = ()) -> Estimand:
    """Say how the total effect of one node on another follows from the observed nodes.

    The optimal adjustment set is ``O = pa(cn) - (forb + treatment)`` with ``cn`` the nodes on causal paths and
    ``forb`` the possible descendants of these and of the treatment. When part of it is not observed or a latent
    common cause opens it, the smallest separator closest to the outcome takes its place, then the front-door,
    then an instrument. Without a causal path the effect is zero by the graph, and the set returned blocks every
    path, so that the data can contradict it.

    Parameters
    ----------
    graph : CausalGraph
        With directed, undirected and bidirected edges.
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
        With the undirected edge or the open path that stands in the way.
    GraphError
        When a name is not a node.

    Notes
    -----
    Assumption: the graph is right about every absent edge. An unlisted common cause breaks the answer unseen.

    Examples
    --------
    >>> graph = CausalGraph(["wealth", "contact", "visit", "buys"],
    ...     [("wealth", "contact"), ("wealth", "buys"), ("contact", "visit"), ("visit", "buys")])
    >>> identify(graph, "contact", "buys").adjustment_set
    ('wealth',)
    """
    question = _pose(graph, treatment, outcome, latent)
    edge = question.open_edge()
    if edge:
        raise _refuse_edge(question, edge)
    tried: list[str] = []
    found = _optimal_set(question, tried)
    method = "o-set"
    if found is None:
        found, method = _nearest_set(question, tried), "adjustment"
    if found is not None:
        return question.estimand(found, method, tried)
    from causal.detours import front_door, instrument

    detour = front_door(question, tried) or instrument(question, tried)
    if detour is not None:
        return detour
    raise _refuse_path(question, tried)


def is_valid_adjustment(
    graph: CausalGraph, treatment: str, outcome: str, adjustment: Iterable[str], latent: Iterable[str] = ()
) -> bool:
    """Say whether adjusting for a set of columns gives the total effect in every graph that is left open.

    Stricter than the criterion in one respect: no possible descendant of the treatment is ever accepted, nor one
    of the outcome.

    Parameters
    ----------
    graph : CausalGraph
        With directed, undirected and bidirected edges.
    treatment, outcome : str
        Two of its nodes.
    adjustment : iterable of str
        The set in question.
    latent : iterable of str
        Nodes of the graph that are not observed.
    """
    question = _pose(graph, treatment, outcome, latent)
    chosen = set(adjustment)
    _require_nodes(graph, chosen)
    return not question.open_edge() and chosen <= question.allowed and question.blocks(chosen)


def descendants_of_treatment(graph: CausalGraph, treatment: str) -> tuple[str, ...]:
    """Return, sorted, every node that the treatment may change: never to be adjusted for."""
    _require_nodes(graph, [treatment])
    return tuple(sorted(_possible_descendants(graph, [treatment]) - {treatment}))


@dataclass(frozen=True)
class Question:
    """An effect to identify, with the sets that every strategy needs.

    Parameters
    ----------
    graph : CausalGraph
        The graph asked about.
    treatment, outcome : str
        Two of its nodes.
    causal : frozenset of str
        Nodes on possibly causal paths from treatment to outcome, the outcome included, the treatment not.
    forbidden : frozenset of str
        What the treatment or the outcome may change.
    observed : frozenset of str
        Nodes that are not latent.
    allowed : frozenset of str
        Observed nodes that may be adjusted for.
    views : tuple of DirectedView
        Directed versions of the graph.
    """

    graph: CausalGraph
    treatment: str
    outcome: str
    causal: frozenset[str]
    forbidden: frozenset[str]
    observed: frozenset[str]
    allowed: frozenset[str]
    views: tuple[DirectedView, ...]

    def open_edge(self) -> Pair | None:
        """Return an undirected edge at the treatment that may begin a causal path: not amenable."""
        pairs = self.graph.in_order(self.graph.undirected_edges)
        at = [pair for pair in pairs if self.treatment in pair]
        ends = [(b if a == self.treatment else a, (a, b)) for a, b in at]
        return next((pair for end, pair in ends if end in self.causal), None)

    def back_door_views(self) -> list[DirectedView]:
        """Return the directed versions without the first edges of the causal paths."""
        return [
            view.without([(self.treatment, c) for c in view.children[self.treatment] if c in self.causal])
            for view in self.views
        ]

    def blocks(self, chosen: Collection[str]) -> bool:
        """Say whether a set blocks every path that is not causal."""
        views = self.back_door_views()
        return all(view.separated(self.treatment, self.outcome, chosen) for view in views)

    def open_path(self, chosen: Collection[str]) -> str:
        """Return a path that is not causal and that a set leaves open, in words; empty when there is none."""
        paths = (v.open_path(self.treatment, self.outcome, chosen) for v in self.back_door_views())
        return next((path for path in paths if path), "")

    def estimand(self, chosen: Iterable[str], method: str, tried: Iterable[str]) -> Estimand:
        """Return the answer for an adjustment set."""
        return Estimand(
            self.treatment,
            self.outcome,
            tuple(sorted(chosen)),
            method,
            tuple(tried),
            tuple(sorted(self.forbidden)),
            self.open_path(()),
        )


def _pose(graph: CausalGraph, treatment: str, outcome: str, latent: Iterable[str]) -> Question:
    unobserved = set(latent)
    _require_nodes(graph, [treatment, outcome, *unobserved])
    if treatment == outcome:
        raise GraphError(f"treatment and outcome are both {treatment!r}; name two different nodes")
    if {treatment, outcome} & unobserved:
        raise GraphError("treatment and outcome must be observed; take them out of latent")
    after = _possible_descendants(graph, [treatment])
    before = _possible_ancestors(graph, outcome, treatment)
    causal = (after & before) - {treatment}
    later = _possible_descendants(graph, [outcome]) - graph.ancestors(treatment)
    forbidden = frozenset(after | later) - {treatment, outcome}
    observed = frozenset(graph.nodes) - unobserved
    allowed = observed - forbidden - {treatment, outcome}
    views = _directed_views(graph)
    return Question(graph, treatment, outcome, frozenset(causal), forbidden, observed, allowed, views)


def _require_nodes(graph: CausalGraph, names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(graph.nodes))
    if unknown:
        raise GraphError(f"{unknown[:5]} are not nodes of the graph; its nodes are {list(graph.nodes[:12])}")


def _possible_descendants(graph: CausalGraph, start: Iterable[str]) -> set[str]:
    """Follow directed and undirected edges forward, never to an ancestor of where the walk began."""
    seen = set(start)
    barred = {ancestor for name in seen for ancestor in graph.ancestors(name)}
    beside = _neighbours(graph)
    pending = list(seen)
    while pending:
        name = pending.pop()
        for following in (*graph.children(name), *beside.get(name, ())):
            if following not in seen and following not in barred:
                seen.add(following)
                pending.append(following)
    return seen


def _possible_ancestors(graph: CausalGraph, end: str, barred: str) -> set[str]:
    """Follow directed and undirected edges backward without passing through one node."""
    seen = {end}
    beside = _neighbours(graph)
    pending = [end]
    while pending:
        name = pending.pop()
        for earlier in (*graph.parents(name), *beside.get(name, ())):
            if earlier not in seen and earlier != barred:
                seen.add(earlier)
                pending.append(earlier)
    return seen


def _neighbours(graph: CausalGraph) -> dict[str, list[str]]:
    beside: dict[str, list[str]] = {}
    for a, b in graph.in_order(graph.undirected_edges):
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    return beside


def _directed_views(graph: CausalGraph) -> tuple[DirectedView, ...]:
    """Return directed versions: the graph itself, or two that disagree on the open edges where they can.

    Once the treatment's causal edges are directed and the forbidden set is kept out, a set blocks in one member
    of the class exactly when it does in all (Perković 2018); two are checked because a graph from data need not
    be a perfect class.
    """
    if not graph.undirected_edges:
        return (directed_view(graph),)
    from causal.orientation import directed_members

    return tuple(directed_view(graph, edges) for edges in directed_members(graph))


def _optimal_set(question: Question, tried: list[str]) -> set[str] | None:
    """Return the O-set of Henckel 2022 when it is observed and valid."""
    graph = question.graph
    parents = {parent for name in question.causal for parent in graph.parents(name)}
    optimal = parents - question.causal - question.forbidden - {question.treatment, question.outcome}
    hidden = sorted(optimal - question.allowed)
    observed = optimal & question.allowed
    if question.causal and question.blocks(observed):
        left_out = f" (without {', '.join(hidden)}, not observed)" if hidden else ""
        tried.append(f"optimal adjustment set: valid{left_out}")
        return observed
    if not question.causal:
        tried.append("optimal adjustment set: there is no causal path, the effect is zero by the graph")
        return None
    reason = f"{', '.join(hidden)} is not observed; " if hidden else ""
    tried.append(f"optimal adjustment set: {reason}leaves open {question.open_path(observed)}")
    return None


def _nearest_set(question: Question, tried: list[str]) -> set[str] | None:
    """Return a minimal separator close to the outcome, found among the ancestors of both ends."""
    ends = (question.treatment, question.outcome)
    for view in question.back_door_views():
        widest = view.ancestors(ends) & question.allowed
        if not view.separated(*ends, widest):
            tried.append(f"any adjustment set: {view.open_path(*ends, widest)} stays open")
            return None
        smallest = view.smallest_nearby(question.outcome, question.treatment, widest)
        chosen = next((s for s in (smallest, widest) if question.blocks(s)), None)
        if chosen is not None:
            tried.append("smallest adjustment set near the outcome: valid")
            return chosen
    tried.append("any adjustment set: no set is valid in all directed versions of the graph")
    return None


def _refuse_edge(question: Question, edge: Pair) -> NotIdentifiable:
    a, b = edge
    other = b if a == question.treatment else a
    witness = f"{question.treatment} -- {other}"
    role = "the outcome itself" if other == question.outcome else f"a step towards {question.outcome}"
    return NotIdentifiable(
        f"the effect of {question.treatment} on {question.outcome} differs between the graphs that remain: "
        f"{witness} has no direction, so {other} may be a cause of the treatment or {role}. "
        "State the direction as knowledge (a tier or a forbidden edge) and discover again",
        witness,
        [f"adjustment: not amenable because of {witness}"],
    )


def _refuse_path(question: Question, tried: list[str]) -> NotIdentifiable:
    ends = (question.treatment, question.outcome)
    view = question.back_door_views()[0]
    witness = view.open_path(*ends, view.ancestors(ends) & question.allowed) or question.open_path(())
    return NotIdentifiable(
        f"the effect of {question.treatment} on {question.outcome} does not follow from the observed columns: "
        f"{witness} stays open whatever is adjusted for. Measure a column that blocks it, or randomise the "
        "treatment",
        witness,
        tried,
    )
