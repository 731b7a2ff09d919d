"""When latent common causes forbid an attribution, and the witness that says why.

Hides two questions that are easily taken for one. *Do the data determine the value of every coalition?* The ID
algorithm answers it, coalition by coalition, and a hedge is the proof that they do not. *Do equations fitted on parents
give it?* They do unless a latent cause is shared with an own cause, for then the slope on that cause is biased; and
where noises move together, only means of linear equations are right, because the equations are drawn apart. Where the
first answer is yes and the second no, a formula exists that structural equations do not evaluate, and the refusal says
so.
"""

from __future__ import annotations

from collections.abc import Iterable

from causal.encoding import FrameError
from causal.formulas.idalgorithm import Hedge, identify_distribution
from causal.graph import CausalGraph
from causal.identification import NotIdentifiable
from causal.scm import StructuralModel

__all__ = ["ConfoundedEquations", "check_graph", "check_hidden_causes"]

MOST_ASKED = 256


class ConfoundedEquations(NotIdentifiable):
    """The values follow from the data by a formula, and not from equations fitted on observed parents."""


def check_graph(model: StructuralModel, graph: CausalGraph) -> CausalGraph:
    """Return the directed graph behind a model, bidirected edges included; refuse one of other data.

    Raises
    ------
    FrameError
        The model was not fitted along the graph.
    """
    directed = graph.consensus or graph
    strange = [node for node in model.order if node not in directed.nodes]
    if strange:
        raise FrameError(
            f"the graph belongs to other data: it lacks {', '.join(map(repr, strange[:5]))}; give the graph that the "
            "model was fitted along"
        )
    for node in model.order:
        parents = set(model.equations[node].parents) if node in model.equations else set()
        if parents != set(directed.parents(node)):
            raise FrameError(
                f"the model was fitted along another graph: it has {sorted(parents)} as causes of {node!r}, the graph "
                f"{sorted(directed.parents(node))}; fit it along this one"
            )
    return CausalGraph(directed.nodes, directed.edges, (), graph.bidirected_edges)


def check_hidden_causes(graph: CausalGraph, outcome: str, coalitions: Iterable[frozenset[str]], linear: bool) -> None:
    """Refuse an attribution that latent common causes make wrong.

    Parameters
    ----------
    graph : CausalGraph
        Directed and bidirected edges.
    outcome : str
    coalitions : iterable of frozenset of str
        Sets of causes whose value is needed; the first 256 are asked about, so give small ones first.
    linear : bool
        Whether only means of linear equations are used.

    Raises
    ------
    NotIdentifiable
        The value of a coalition does not follow from the data; with the hedge.
    ConfoundedEquations
        It does, but not from equations fitted along the graph.
    """
    involved = graph.ancestors(outcome) | {outcome}
    pairs = [pair for pair in graph.in_order(graph.bidirected_edges) if involved.issuperset(pair)]
    pairs = [(a, b) for a, b in pairs if graph.parents(a) or graph.parents(b)]  # exogenous rows are kept together
    biased = [(a, b) for a, b in pairs if a in graph.ancestors(b) or b in graph.ancestors(a)]
    if not pairs or (linear and not biased):
        return
    a, b = (biased or pairs)[0]
    witness = f"{a} <-> {b}"
    for asked, coalition in enumerate(coalitions):
        if asked >= MOST_ASKED:
            break
        solved = identify_distribution(graph, coalition, [outcome]) if coalition else None
        if isinstance(solved, Hedge):
            raise NotIdentifiable(
                f"contributions to {outcome} do not follow from the data: {witness} is a latent common cause, and the "
                f"mean of {outcome} with {', '.join(sorted(coalition))} set has no formula. Measure what is behind "
                f"{witness}, or randomise one of the two",
                witness,
                [str(solved)],
                solved,
            )
    why = (
        f"the slope of {b if a in graph.ancestors(b) else a} on what the two share is biased"
        if biased
        else f"the noises of {a} and {b} move together, and these equations are not linear"
    )
    raise ConfoundedEquations(
        f"equations fitted along the graph give wrong contributions to {outcome}: {witness} is a latent common cause, "
        f"so {why}. A formula may exist: see causal.identify for single causes",
        witness,
    )
