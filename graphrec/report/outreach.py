"""The contact plan, its limits, and who is left out.

Hides which rows are shown. The table holds the most valuable contacts only: a report is read by people, the whole plan
is a file of its own, and no customer is named here who is not to be contacted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.report.claims import GRADES
from graphrec.report.figures import Histogram, histogram
from graphrec.report.reasons import explain_left_out
from graphrec.report.rulenames import name_rule
from graphrec.report.wording import POINTS, count, is_number, money, percent, sentence_case

if TYPE_CHECKING:
    from graphrec.decisions.policy import Plan
    from graphrec.report.contents import Findings

__all__ = ["TOP_ROWS", "basis_sentence", "build_outreach", "offer_word", "plan_sentences"]

_BASES = {
    "effect": "Contacts are ranked by what they are estimated to change.",
    "ceiling": (
        "No channel's effect is supported by these data, so no uplift is claimed. Contacts are ranked by the most they "
        "can bring, an upper bound of the effect and not an estimate of it."
    ),
    "none": (
        "No channel's effect is supported by these data and nothing bounds it: the order of the contacts means nothing."
    ),
}

TOP_ROWS = 200
"""Contacts shown."""


def build_outreach(findings: Findings) -> dict[str, Any]:
    """Values of the plan page."""
    plan = findings.plan
    if plan is None:
        return {"plan": None, "histogram": _histogram(findings), **_basis(findings)}
    sent, bounded = plan.outgoing, findings.basis == "ceiling"
    return {
        **_basis(findings),
        "plan": {
            "sentences": plan_sentences(findings),
            "rows": _rows(sent, findings.currency, bounded),
            "total": count(len(sent)),
            "left": max(0, len(sent) - TOP_ROWS),
            "channels": sorted({str(channel) for channel in sent.get("channel", pd.Series(dtype=str)).dropna()}),
            "grades": [
                (g, GRADES.get(g, "")) for g in sorted({str(grade) for grade in _column(sent, "grade").dropna()})
            ],
            "offer": offer_word(findings),
            "level": _level(findings),
            "by_channel": _by_channel(sent, findings.currency, bounded),
            "limits": _limits(plan, findings.currency),
            "left_out": _left_out(plan, findings.currency),
            "nothing": _nothing(plan),
            "without": count(len(plan.nothing)),
            "arms": _arms(plan),
        },
        "histogram": _histogram(findings),
    }


def basis_sentence(findings: Findings) -> str:
    """What the order of the contacts rests on."""
    return findings.basis_sentence or _BASES.get(findings.basis, "")


def offer_word(findings: Findings) -> str:
    """Word for what is offered: product, or offer."""
    tables = (None if findings.plan is None else findings.plan.contacts, findings.scores)
    return next((_offer_column(table).removesuffix("_id") for table in tables if table is not None), "offer")


def _basis(findings: Findings) -> dict[str, Any]:
    return {"basis": findings.basis, "basis_sentence": basis_sentence(findings)}


def _level(findings: Findings) -> str:
    """Confidence level of the intervals of the scores, where the model states it."""
    level = getattr(getattr(findings.model, "config", None), "level", None)
    return percent(level).replace(".0 %", " %") if is_number(level) else ""


def _offer_column(frame: pd.DataFrame) -> str:
    return "offer_id" if "offer_id" in frame.columns else "product_id"


def plan_sentences(findings: Findings) -> list[str]:
    """The plan in a few sentences: what to do, what it is worth and how surely, how good it is, what holds it back."""
    plan, currency = findings.plan, findings.currency
    if plan is None:
        return []
    sent = plan.outgoing
    if sent.empty:
        return ["No contact is worth making under these rules."]
    channels = [f"{row['contacts']} by {row['channel']}" for row in _by_channel(sent, currency, bounded=False)]
    worth = "they are worth at most" if findings.basis == "ceiling" else "their expected net value is"
    what = (
        f"Make {count(len(sent))} contacts with {count(sent['customer_id'].nunique())} customers"
        f"{': ' + ', '.join(channels) if channels else ''}; {worth} {money(plan.value, currency)}."
    )
    bound = f"{money(plan.bound, currency)}, {percent(plan.gap)} above it"
    best = "It is the best plan that these rules allow from the scores given"
    nearest = best if plan.gap < 5e-5 else f"No plan from these scores under these rules can be worth more than {bound}"
    held = [name_rule(name) for name in plan.binding]
    limits = f"What holds it back: {'; '.join(held)}" if held else "No limit holds it back"
    return [what, *_doubt(findings), f"{nearest}.", f"{limits}."]


def _doubt(findings: Findings) -> list[str]:
    """How far off the value of a plan by effect may be."""
    ends = None if findings.plan is None else findings.plan.value_range
    if ends is None:
        return []
    low, high = (money(end, findings.currency) for end in ends)
    return [
        f"With all effects at the ends of their intervals it is {low} to {high}: effects are learned together, so "
        "their errors can go the same way. A plan takes what looks best, so expect less rather than more."
    ]


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    return frame[name] if name in frame.columns else pd.Series(np.nan, index=frame.index)


def _rows(sent: pd.DataFrame, currency: str, bounded: bool) -> list[dict[str, Any]]:
    value = _column(sent, "net_value").astype(float)
    top = sent.assign(_value=value).sort_values("_value", ascending=False, kind="stable").head(TOP_ROWS)
    return [_row(row, _offer_column(sent), currency, bounded) for row in top.to_dict(orient="records")]


def _row(row: dict[Any, Any], offer: str, currency: str, bounded: bool) -> dict[str, Any]:
    change = row.get("uplift_high" if bounded else "uplift")
    return {
        "customer": str(row["customer_id"]),
        "offer": str(row[offer]),
        "channel": _text(row.get("channel")),
        "slot": _text(row.get("slot")),
        "uplift": (POINTS.signed(change), change),
        "interval": "" if bounded else POINTS.interval(row.get("uplift_low"), row.get("uplift_high")),
        "organic": (percent(row.get("p_organic")), row.get("p_organic")),
        "cost": (money(row.get("cost"), currency), row.get("cost")),
        "net": (money(row.get("net_value"), currency), row.get("net_value")),
        "grade": _text(row.get("grade")),
    }


def _text(value: Any) -> str:
    return "" if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA else str(value)


def _by_channel(sent: pd.DataFrame, currency: str, bounded: bool) -> list[dict[str, str]]:
    if "channel" not in sent.columns or sent.empty:
        return []
    rows = []
    for channel, part in sent.groupby("channel", sort=True):
        uplift = _column(part, "uplift_high" if bounded else "uplift").astype(float)
        rows.append(
            {
                "channel": str(channel),
                "contacts": count(len(part)),
                "uplift": POINTS.signed(uplift.mean()),
                "cost": money(_column(part, "cost").astype(float).sum(), currency),
                "net": money(_column(part, "net_value").astype(float).sum(), currency),
            }
        )
    return rows


def _limits(plan: Plan, currency: str) -> list[dict[str, str]]:
    """Every rule with what it allows, what is used and what it costs; those that hold the plan back come first."""
    table = plan.rules.to_dict(orient="records")
    rows = sorted(table, key=lambda row: (row["rule"] not in plan.binding, -abs(row["price"])))
    return [
        {
            "name": sentence_case(name_rule(row["rule"])).removesuffix("."),
            "binding": "yes" if row["rule"] in plan.binding or row["price"] else "no",
            "amount": _quantity(row["amount"], row["rule"], currency),
            "used": _quantity(row["used"], row["rule"], currency),
            "price": money(row["price"], currency) if row["price"] else "–",
            "words": str(row["sentence"]),
        }
        for row in rows
        if row["kind"] != "candidate" or row["price"]
    ]


def _quantity(value: float, rule: str, currency: str) -> str:
    if not is_number(value) or rule.startswith("parity"):
        return "–"
    return money(value, currency) if rule == "budget" else count(value)


def _nothing(plan: Plan) -> list[dict[str, str]]:
    """How many customers get nothing, by the reason of the best that could have been said to them."""
    return [
        {"reason": explain_left_out(str(reason)), "customers": count(customers)}
        for reason, customers in plan.nothing["reason"].value_counts().items()
    ]


def _left_out(plan: Plan, currency: str) -> list[dict[str, str]]:
    return [
        {
            "reason": explain_left_out(str(row["reason"])),
            "candidates": count(row["candidates"]),
            "net": money(row["net_value"], currency),
        }
        for row in plan.left_out.to_dict(orient="records")
    ]


def _arms(plan: Plan) -> list[str]:
    arms = plan.contacts["arm"] if "arm" in plan.contacts.columns else pd.Series(dtype=str)
    lines = []
    held = int(plan.contacts.loc[arms == "holdout", "customer_id"].nunique()) if len(arms) else 0
    if held:
        lines.append(f"{count(held)} customers of the plan are held out and not contacted, to measure what it changes.")
    explored = int((arms == "exploration").sum())
    if explored:
        lines.append(f"{count(explored)} contacts are drawn by lot, so that later models learn without bias.")
    return lines


def _histogram(findings: Findings) -> Histogram | None:
    """Uplift (or its bound) of the scored rows, those of the plan marked; of the plan alone without scores."""
    plan, scores = findings.plan, findings.scores
    name = "uplift_high" if findings.basis == "ceiling" else "uplift"
    if scores is not None and name in scores.columns and len(scores):
        chosen = None if plan is None else _in_plan(scores, plan.outgoing)
        return histogram(scores[name].astype(float).tolist(), chosen, POINTS)
    if plan is None or name not in plan.outgoing.columns or plan.outgoing.empty:
        return None
    values = [float(value) for value in plan.outgoing[name] if is_number(value)]
    return histogram(values, [True] * len(values), POINTS)


def _in_plan(scores: pd.DataFrame, sent: pd.DataFrame) -> list[bool]:
    keys = [
        name for name in ("customer_id", _offer_column(scores), "channel", "slot") if name in scores and name in sent
    ]
    planned = pd.MultiIndex.from_frame(sent[keys].astype(str))
    return list(pd.MultiIndex.from_frame(scores[keys].astype(str)).isin(planned))
