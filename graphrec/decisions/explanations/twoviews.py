"""Two views of one recommendation, kept apart: what moves the model's prediction, and what the contact changes.

Hides the response model that SHAP looks at: boosted trees on contacted rows, with every column a careless analyst
would give them, the consequences of the purchase among them. SHAP values are exact (TreeSHAP, Lundberg 2018, as
implemented in LightGBM). They explain the prediction and nothing else: a column with a large SHAP value need not be a
cause, and a cause need not have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.decisions.explanations.account import Explanation
from graphrec.decisions.explanations.causalview import attribute_appetite
from graphrec.decisions.explanations.customers import customer_rows
from graphrec.decisions.explanations.disagreement import Disagreement, compare_views, role_in_graph
from graphrec.decisions.explanations.naivefigure import naive_difference
from graphrec.decisions.explanations.responsetrees import fit_response_trees, with_consequences
from graphrec.market.tables import DataError
from ontology import load_ontology

if TYPE_CHECKING:
    from causal.attribution import Attribution
    from graphrec.decisions.recommender import Recommender

__all__ = ["CustomerExplanation", "contribution_reasons", "explain_customer"]

_SHOWN = 3
_PARTED = 6


@dataclass(frozen=True)
class CustomerExplanation:
    """One recommendation seen by SHAP and by the causal model.

    Attributes
    ----------
    customer, offer, channel : Any
        What is explained.
    base, prediction : float
        Log-odds of the response: average and this row.
    contributions : mapping of str to float
        SHAP value of each column in log-odds; base plus their sum is the prediction.
    effect, low, high : float
        Uplift of the contact with its interval.
    reasons : tuple of str
        Sentences: where the two views disagree, and why.
    causes : mapping of str to float
        What the log-odds of buying without a contact owe to each cause, by equations fitted along the graph; empty
        where the graph does not let it be told.
    causes_base : float or None
        Log-odds of the average; None without causes.
    refusal : str
        Why there are no causes; else empty.
    apart : tuple of dict
        Features on which the two views are five points apart or more: see `Disagreement`.
    naive, naive_low, naive_high : float or None
        What a comparison of contacted and other customers, as they come, would say of the channel.
    level : float
        Confidence level of both intervals.
    """

    customer: Any
    offer: Any
    channel: str
    base: float
    prediction: float
    contributions: Mapping[str, float]
    effect: float
    low: float
    high: float
    reasons: tuple[str, ...]
    causes: Mapping[str, float] = field(default_factory=dict)
    causes_base: float | None = None
    refusal: str = ""
    apart: tuple[Mapping[str, Any], ...] = ()
    naive: float | None = None
    naive_low: float | None = None
    naive_high: float | None = None
    level: float = 0.9

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the report."""
        plain = {"contributions": dict(self.contributions), "causes": dict(self.causes)}
        return {**self.__dict__, **plain, "apart": [dict(each) for each in self.apart], "scale": "log-odds"}


def explain_customer(
    model: Recommender, customer: Any, scores: pd.DataFrame, rng: int | np.random.Generator | None = None
) -> CustomerExplanation:
    """Explain the best recommendation of one customer.

    Parameters
    ----------
    model : Recommender
        Fitted.
    customer : Any
        Identifier.
    scores : pandas.DataFrame
        From `Recommender.recommend`, with a row of this customer.

    Raises
    ------
    DataError
        The scores hold no row of the customer.
    """
    own = scores[scores["customer_id"] == customer].sort_values("rank")
    if own.empty:
        raise DataError("the scores hold no row of this customer; score them first")
    best = own.iloc[0]
    offer, channel = best.get("product_id", best.get("offer_id")), str(best["channel"])
    row = with_consequences(model, _row(model, customer, offer), [customer])
    model_rng, cause_rng = np.random.default_rng(rng).spawn(2)
    values, base = fit_response_trees(model, model_rng).contributions(row)
    contributions = {str(name): float(value) for name, value in values.iloc[0].items()}
    view = attribute_appetite(model, row, cause_rng)
    found = view.attribution
    return CustomerExplanation(
        customer=customer,
        offer=offer if model.market is not None else None,
        channel=channel,
        base=base,
        prediction=base + sum(contributions.values()),
        contributions=contributions,
        effect=float(best["uplift"]),
        low=float(best["uplift_low"]),
        high=float(best["uplift_high"]),
        reasons=contribution_reasons(model, contributions),
        causes={} if found is None else _told(found),
        causes_base=None if found is None else found.base,
        refusal=view.refusal,
        apart=() if found is None else _apart(contributions, found, model),
        level=model.config.level,
        **dict(zip(("naive", "naive_low", "naive_high"), naive_difference(model.panel, channel, model.config.level))),
    )


def _row(model: Recommender, customer: Any, offer: Any) -> pd.DataFrame:
    """Covariates of the customer about the offer, at the end of the records."""
    if model.market is None:
        return customer_rows(model, [customer]).reset_index(drop=True)
    scorer = model.scorer()
    code = scorer.covariates.offers.index.encode([offer])
    position = int(np.flatnonzero(scorer.offers == code[0])[0])
    who = model.market.vocabulary.customers.encode([customer])
    return scorer.frame(who).iloc[[position]].reset_index(drop=True)


def _told(found: Attribution) -> dict[str, float]:
    return {name: float(value) for name, value in zip(found.features, found.values[0]) if value != 0.0}


def _apart(contributions: Mapping[str, float], found: Attribution, model: Recommender) -> tuple[Mapping[str, Any], ...]:
    """Features on which the two views part, the widest first."""
    values = np.array([list(contributions.values())])
    seen = Explanation("shap", "", tuple(contributions), values)
    if not set(contributions) & set(model.graph.nodes):
        return ()
    parted = [each for each in compare_views(seen, found, model.graph) if each.apart][:_PARTED]
    return tuple(asdict(_known_consequence(each, model.panel.outcome, model.panel.consequences)) for each in parted)


def _known_consequence(each: Disagreement, outcome: str, consequences: Sequence[str]) -> Disagreement:
    """What was recorded after the outcome follows from it, even where the search found no arrow."""
    if each.feature not in consequences or each.kind == "consequence":
        return each
    why = f"{each.feature} is recorded after {outcome}: it tells what happened, and moving it changes nothing"
    return replace(each, role="consequence", kind="consequence", others=(), reason=why)


def contribution_reasons(model: Recommender, contributions: Mapping[str, float]) -> tuple[str, ...]:
    """What the graph says of the columns SHAP points at."""
    onto = load_ontology()
    panel = model.panel
    ranked = sorted(contributions, key=lambda name: -abs(contributions[name]))[:_SHOWN]
    found = [_reason(model, column, _actionable(onto, panel.roles.get(column, ""))) for column in ranked]
    found.append(f"The contact itself ({panel.treatment}) has no SHAP value here: the model saw contacted rows only")
    return tuple(found)


def _reason(model: Recommender, column: str, actionable: bool) -> str:
    graph, panel = model.graph, model.panel
    known = column in graph.nodes and panel.outcome in graph.nodes
    role = role_in_graph(graph, column, panel.outcome) if known else "unrelated"
    if column in panel.consequences or role == "consequence":
        return f"{column} is a consequence of the purchase: moving it changes nothing, however large its SHAP value"
    if role == "proxy":
        directed = graph.consensus or graph
        common = directed.ancestors(column) & directed.ancestors(panel.outcome)
        source = ", ".join([node for node in graph.nodes if node in common][:_SHOWN]) or "a hidden common cause"
        return f"{column} stands for what drives both it and the purchase ({source}); moved alone it changes nothing"
    if role == "unrelated":
        return f"{column} predicts the response, but the graph has no path from it to the purchase"
    if not actionable:
        return f"{column} is a cause nobody can move; it says for whom, not what to do"
    if role == "mediated cause":
        directed = graph.consensus or graph
        on = [node for node in directed.children(column) if node in directed.ancestors(panel.outcome)]
        return (
            f"{column} can be moved and works through {', '.join(on[:_SHOWN])}, which a model credits in its place; "
            "see the prescriptions for what moving it is worth"
        )
    return f"{column} is a cause that can be moved; see the prescriptions for what moving it is worth"


def _actionable(onto: Any, class_name: str) -> bool:
    return class_name in onto.classes and bool(onto.classes[class_name].actionable)
