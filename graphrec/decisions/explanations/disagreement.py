"""Where a model and the causes of its outcome point apart, feature by feature, with the graph's reason.

Hides the reading of the graph. A model credits whatever predicts; the graph says why it predicts. There are five
reasons: it *follows* from the outcome, it *stands for* a common cause, it acts *through* a feature that gets the
credit, it passes on what others started and gets their credit, or it has nothing to do with the outcome. The two
views are compared as shares of their own total, for they have different units.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causal.graph import CausalGraph
from graphrec.decisions.explanations.account import Explanation
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from causal.attribution import Attribution

__all__ = ["Disagreement", "compare_views", "disagreement_table", "role_in_graph"]

_APART = 0.05
_NAMED = 3


@dataclass(frozen=True)
class Disagreement:
    """One feature in both views.

    Attributes
    ----------
    feature : str
    model_share, cause_share : float
        Share of all absolute attribution in the model's explanation and in the causal attribution.
    role : {"cause", "mediated cause", "consequence", "proxy", "unrelated"}
        What the graph makes of it: a mediated cause has no arrow of its own to the outcome.
    apart : bool
        Whether the shares differ by five points or more, or the values point in opposite directions.
    reason : str
        Why, by the graph.
    kind : str
        The reason in a word: "consequence", "unrelated", "proxy", "hidden", "reversed", "mediated", "partly mediated",
        "started", "credited" or "underused".
    others : tuple of str
        Columns that the reason names.
    """

    feature: str
    model_share: float
    cause_share: float
    role: str
    apart: bool
    reason: str
    kind: str = ""
    others: tuple[str, ...] = ()


def compare_views(
    explanation: Explanation, attribution: Attribution, graph: CausalGraph, *, apart: float = _APART
) -> tuple[Disagreement, ...]:
    """Compare an explanation of a model with do-Shapley values of the outcome that it predicts.

    Parameters
    ----------
    explanation : Explanation
        Of the same rows or of the model as a whole, by column and not by group.
    attribution : Attribution
        From `causal.attribute_outcome`.
    graph : CausalGraph
        The graph behind the attribution.
    apart : float
        Difference of shares that counts as a disagreement.

    Returns
    -------
    tuple of Disagreement
        The widest apart first.

    Raises
    ------
    DataError
        The rows differ in number, the graph is of other data, or holds no feature of the explanation.
    """
    if explanation.level == "row" and len(explanation.values) != len(attribution.values):
        raise DataError(
            f"the explanation has {len(explanation.values)} rows, the attribution {len(attribution.values)}; explain "
            "the same rows"
        )
    if attribution.outcome not in graph.nodes:
        raise DataError(f"the graph belongs to other data: it does not hold the outcome {attribution.outcome!r}")
    shared = [name for name in explanation.features if name in graph.nodes and name != attribution.outcome]
    if not shared:
        raise DataError("the graph holds no feature of the explanation; explain single columns of the same data set")
    mine = explanation.to_frame()[shared]
    theirs = attribution.to_frame().reindex(columns=shared, fill_value=0.0)  # what was not attributed is no cause there
    model, cause = _shares(mine), _shares(theirs)
    found = []
    for name in shared:
        gap = model[name] - cause[name]
        opposite = _opposite(mine[name], theirs[name], min(model[name], cause[name]), apart)
        role, kind, others = _kind(graph, name, attribution.outcome, gap, opposite)
        why = _REASONS[kind].format(name=name, outcome=attribution.outcome, others=_listed(others) or "other causes")
        shares = float(model[name]), float(cause[name])
        found.append(Disagreement(name, *shares, role, abs(gap) >= apart or opposite, why, kind, others))
    return tuple(sorted(found, key=lambda each: -abs(each.model_share - each.cause_share)))


def disagreement_table(found: Sequence[Disagreement]) -> pd.DataFrame:
    """The comparison as a table, one row for each feature."""
    columns = list(Disagreement.__dataclass_fields__)
    return pd.DataFrame([asdict(each) for each in found], columns=columns)


def role_in_graph(graph: CausalGraph, feature: str, outcome: str) -> str:
    """What the graph makes of a feature; see `Disagreement.role`.

    Examples
    --------
    >>> arrows = [("mail", "visit"), ("visit", "buy"), ("buy", "ticket")]
    >>> graph = CausalGraph(["mail", "visit", "buy", "ticket"], arrows)
    >>> [role_in_graph(graph, name, "buy") for name in ("mail", "visit", "ticket")]
    ['mediated cause', 'cause', 'consequence']
    """
    directed = graph.consensus or graph
    if feature in directed.descendants(outcome):
        return "consequence"
    if feature in directed.ancestors(outcome):
        return "cause" if feature in directed.parents(outcome) else "mediated cause"
    hidden = {frozenset(pair) for pair in graph.bidirected_edges}
    tied = any(
        frozenset((a, b)) in hidden
        for a in (feature, *directed.ancestors(feature))
        for b in (outcome, *directed.ancestors(outcome))
    )
    common = directed.ancestors(feature) & directed.ancestors(outcome)
    return "proxy" if common or tied else "unrelated"


def _shares(values: pd.DataFrame) -> pd.Series:
    size = values.abs().mean()
    return size / size.sum() if size.sum() > 0 else size


def _opposite(mine: pd.Series, theirs: pd.Series, share: float, apart: float) -> bool:
    """Whether a feature that matters to both pushes one way in the model and the other way in the world."""
    if share < apart or len(mine) < 10 or mine.std() == 0 or theirs.std() == 0:
        return False
    return bool(np.corrcoef(mine.to_numpy(), theirs.to_numpy())[0, 1] < -0.3)


_REASONS = {
    "consequence": "{name} follows from {outcome}: it tells what happened, and moving it changes nothing",
    "unrelated": "no cause joins {name} and {outcome} in the graph; what the model sees is chance or a missing arrow",
    "proxy": "{name} stands for what drives both ({others}); moved alone it changes nothing",
    "hidden": "{name} stands for a hidden common cause of both; moved alone it changes nothing",
    "reversed": "{name} goes along with {others} that push the other way; its own effect is reversed",
    "mediated": "{name} acts through {others}, which the model sees instead and credits",
    "partly mediated": "{name} acts in part through {others}, which the model sees instead and credits",
    "started": "part of what the model credits to {name} was started by {others}",
    "credited": "{name} is a cause; the model credits it with more than it does, as it goes along with other columns",
    "underused": "{name} is a cause that the model uses less than it matters, for other columns predict as well",
}


def _kind(graph: CausalGraph, name: str, outcome: str, gap: float, opposite: bool) -> tuple[str, str, tuple[str, ...]]:
    """Role of a feature, why the views part on it, and the columns that explain it."""
    directed = graph.consensus or graph
    role = role_in_graph(graph, name, outcome)
    if role in ("consequence", "unrelated"):
        return role, role, ()
    if role == "proxy":
        common = _in_order(graph, directed.ancestors(name) & directed.ancestors(outcome))
        return role, "proxy" if common else "hidden", common
    through = _in_order(graph, [c for c in directed.children(name) if c in directed.ancestors(outcome)])
    before = _in_order(graph, directed.ancestors(name))
    if opposite:
        return role, "reversed", before
    if gap < 0 and through:
        return role, "mediated" if role == "mediated cause" else "partly mediated", through
    if gap > 0 and before:
        return role, "started", before
    return role, "credited" if gap > 0 else "underused", ()


def _in_order(graph: CausalGraph, names: Collection[str]) -> tuple[str, ...]:
    return tuple(node for node in graph.nodes if node in names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
