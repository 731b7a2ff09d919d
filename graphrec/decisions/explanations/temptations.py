"""What not to do although SHAP likes it: columns that stand high in the model and that no move of theirs pays for.

Hides which columns would tempt somebody. A trait or a past purchase stands high in many models, and nobody thinks of
moving it. A ticket, a visit, a loyalty flag looks like something to act on; the graph says that it follows from the
outcome, stands for what drives both, belongs to the customer, or leads nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.decisions.explanations.customers import customer_rows
from graphrec.decisions.explanations.disagreement import role_in_graph
from graphrec.decisions.explanations.responsetrees import fit_response_trees, with_consequences
from ontology import load_ontology

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["Temptation", "find_temptations", "tempting_columns"]

_LOOKED_AT = 5
_NAMED = 2
_UNTOUCHED = ("trait", "history")


@dataclass(frozen=True)
class Temptation:
    """A column that an explanation of the model puts high and that must not be acted on.

    Attributes
    ----------
    column : str
    role : {"consequence", "proxy", "mediator", "unrelated"}
        What the graph makes of it.
    rank : int
        Place by absolute SHAP value for this customer; 1 is first.
    share : float
        Its part of all absolute SHAP values of the customer.
    common : tuple of str
        What drives both, of a proxy.
    """

    column: str
    role: str
    rank: int
    share: float
    common: tuple[str, ...] = ()


def find_temptations(
    model: Recommender,
    customers: Sequence[Any],
    *,
    as_of: object = None,
    rng: int | np.random.Generator | None = None,
) -> list[tuple[Temptation, ...]]:
    """The first tempting column of each customer, if there is one among the five largest SHAP values.

    Parameters
    ----------
    model : Recommender
        Fitted.
    customers : sequence
        Identifiers, each once.
    as_of : time-like, optional
        Moment of the decision, for a recommender fitted on a market.
    rng : int, Generator or None
        Seed of the trees that SHAP looks at.

    Returns
    -------
    list of tuple of Temptation
        One for each customer, in order; empty where nothing tempts.

    Raises
    ------
    DataError
        A customer is unknown.
    """
    if not len(customers):
        return []
    known = tempting_columns(model)
    if not known:
        return [()] * len(customers)
    rows = customer_rows(model, customers, as_of=as_of).reset_index(drop=True)
    values, _ = fit_response_trees(model, rng).contributions(with_consequences(model, rows, list(customers)))
    return _first(values.abs(), known)


def tempting_columns(model: Recommender) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Columns that somebody could think of acting on and that the graph speaks against, with role and common causes."""
    panel, graph, classes = model.panel, model.graph, load_ontology().classes
    directed = graph.consensus or graph
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for column in (*panel.covariates, *panel.consequences):
        known = classes.get(panel.roles.get(column, ""))
        if (known is not None and known.group in _UNTOUCHED) or panel.roles.get(column) == "immutable":
            continue
        if column in panel.consequences:
            found[column] = ("consequence", ())
        elif known is not None and known.group == "mediator":
            found[column] = ("mediator", ())
        elif column in graph.nodes and panel.outcome in graph.nodes:
            role = role_in_graph(graph, column, panel.outcome)
            if role in ("consequence", "proxy", "unrelated"):
                both = directed.ancestors(column) & directed.ancestors(panel.outcome)
                found[column] = (role, tuple([node for node in graph.nodes if node in both][:_NAMED]))
    return found


def _first(sizes: pd.DataFrame, known: dict[str, tuple[str, tuple[str, ...]]]) -> list[tuple[Temptation, ...]]:
    """The first tempting column of each row, among the largest."""
    columns, size = [str(name) for name in sizes.columns], sizes.to_numpy(np.float64)
    order = np.argsort(-size, axis=1, kind="stable")[:, :_LOOKED_AT]
    tempting = np.isin(columns, list(known))[order] & (np.take_along_axis(size, order, 1) > 0)
    total, place = size.sum(axis=1), tempting.argmax(axis=1)
    found: list[tuple[Temptation, ...]] = []
    for row in range(len(size)):
        if not tempting[row, place[row]]:
            found.append(())
            continue
        at = order[row, place[row]]
        role, common = known[columns[at]]
        share = float(size[row, at] / total[row])
        rank = int(place[row]) + 1
        found.append((Temptation(columns[at], role, rank, share, common if role == "proxy" else ()),))
    return found
