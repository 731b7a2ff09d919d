"""One customer seen twice: what the model looks at, and what the contact changes.

Hides the comparison of the two views. They answer different questions, and the page says so where they part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphrec.report.figures import interval_chart, waterfall
from graphrec.report.outreach import basis_sentence, offer_word
from graphrec.report.pathdrawing import draw_path
from graphrec.report.wording import POINTS, Unit, is_number, listing, percent, plain, sentence_case

if TYPE_CHECKING:
    from graphrec.report.contents import Findings, FittedModel

__all__ = ["build_customer"]

_CONTRIBUTION = Unit(1.0, "", "units of the model", significant=1, fewest=2)


def build_customer(findings: Findings) -> dict[str, Any]:
    """Values of the page on one customer."""
    told = findings.explanation
    if not told:
        return {"customer": None}
    parts = _contributions(told.get("contributions"))
    unit = POINTS if told.get("scale") == "probability" else _CONTRIBUTION
    base = told.get("base")
    return {
        "customer": _who(told, findings),
        "doubt": "" if findings.basis == "effect" else basis_sentence(findings),
        "waterfall": waterfall(float(base) if is_number(base) else 0.0, parts, unit) if parts else None,  # type: ignore[arg-type]
        "scale": "percentage points" if unit is POINTS else str(told.get("scale") or "units of the model"),
        "effect": _effect(told),
        "prediction": _prediction(told),
        "disagreement": _disagreement(told, parts, findings.model),
        "causes": _causes(told),
        "path": _path(told, findings),
        "apart": _apart(told),
        "reasons": [_in_words(reason, told) for reason in told.get("reasons") or ()],
    }


def _who(told: Mapping[str, Any], findings: Findings) -> str:
    offer = told.get("offer")
    about = "" if offer in (None, "") else f", about {offer_word(findings)} {offer}"
    by = f", by {told['channel']}" if told.get("channel") else ""
    return f"Customer {told.get('customer', 'unknown')}{about}{by}."


def _in_words(reason: Any, told: Mapping[str, Any]) -> str:
    """A sentence with the names of columns in words."""
    text = str(reason)
    for name in sorted(map(str, dict(told.get("contributions") or {})), key=len, reverse=True):
        if "_" in name:
            text = text.replace(name, plain(name))
    return sentence_case(text)


def _contributions(value: Any) -> list[tuple[str, float]]:
    pairs = value.items() if isinstance(value, Mapping) else value or ()
    return [(plain(name), float(number)) for name, number in pairs if is_number(number)]


def _causes(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """The causal waterfall, or the reason why there is none; None where nobody asked."""
    parts = _contributions(told.get("causes"))
    if not parts:
        return {"waterfall": None, "refusal": sentence_case(str(told["refusal"]))} if told.get("refusal") else None
    base = told.get("causes_base")
    start = float(base) if is_number(base) else 0.0  # type: ignore[arg-type]
    chance = 1 / (1 + math.exp(-max(-50.0, min(50.0, start + sum(value for _, value in parts)))))
    return {"waterfall": waterfall(start, parts, _CONTRIBUTION), "refusal": "", "chance": percent(chance)}


def _apart(told: Mapping[str, Any]) -> list[dict[str, str]]:
    """Columns on which the model and the causes point apart, in words."""
    return [
        {
            "column": plain(each["feature"]),
            "model": percent(float(each["model_share"])),
            "cause": percent(float(each["cause_share"])),
            "reason": _in_words(each["reason"], {"contributions": dict.fromkeys(_names(told))}),
        }
        for each in told.get("apart") or ()
    ]


def _path(told: Mapping[str, Any], findings: Findings) -> dict[str, Any] | None:
    """The way the advised move takes, where this customer is among the prescriptions."""
    model = findings.model
    own = [record for record in findings.prescriptions if record.get("customer_id") == told.get("customer")]
    if model is None or not own or not own[0].get("through"):
        return None
    after = {name: "consequence" for name in told.get("contributions") or () if name in model.panel.consequences}
    leading = sorted(after, key=lambda name: -abs(float(told["contributions"][name])))[:1]
    return draw_path(model.graph, own[0]["through"], {name: after[name] for name in leading}, plain)


def _names(told: Mapping[str, Any]) -> list[str]:
    return [*map(str, told.get("contributions") or {}), *map(str, told.get("causes") or {})]


def _effect(told: Mapping[str, Any]) -> dict[str, Any] | None:
    if not is_number(told.get("effect")):
        return None
    channel = told.get("channel") or "the contact"
    row = {"label": f"effect of {channel}", "style": "adjusted", "value": told["effect"]}
    row |= {"low": told.get("low"), "high": told.get("high")}
    rows = [row]
    if is_number(told.get("naive")):
        ends = {"value": told["naive"], "low": told.get("naive_low"), "high": told.get("naive_high")}
        rows.insert(0, {"label": "naive comparison", "style": "naive", **ends})
    return {
        "chart": interval_chart(rows, POINTS),
        "naive": len(rows) > 1,
        "words": POINTS.estimate(told["effect"], told.get("low"), told.get("high"))[0],
        "interval": POINTS.interval(told.get("low"), told.get("high")),
    }


def _prediction(told: Mapping[str, Any]) -> str:
    if not is_number(told.get("prediction")):
        return ""
    chance = float(told["prediction"])
    if told.get("scale") == "log-odds":
        chance = 1 / (1 + math.exp(-max(-50.0, min(50.0, chance))))
    if not 0 <= chance <= 1:
        return ""
    return f"With a contact, this model expects a purchase with a chance of {percent(chance)}."


def _disagreement(told: Mapping[str, Any], parts: list[tuple[str, float]], model: FittedModel | None) -> str:
    """Where the audit of the model and the effect of the contact say different things."""
    if told.get("disagreement"):
        return sentence_case(told["disagreement"])
    if not parts or not is_number(told.get("effect")):
        return "Only one of the two views is there, so they cannot be compared."
    leading = [name for name, _ in sorted(parts, key=lambda part: -abs(part[1]))[:2]]
    effect, low, high = float(told["effect"]), told.get("low"), told.get("high")
    looks = f"The model's prediction rests most on {listing(leading)}"
    levers = "none of which" if len(leading) > 1 else "which"
    unmoved = f"{levers} the contact moves" if len(leading) > 1 else f"{levers} the contact does not move"
    moved = _moved(leading, model)
    if moved:
        unmoved = f"of which {listing(moved)} {'comes' if len(moved) == 1 else 'come'} after the contact"
    size, interval = POINTS.estimate(effect, low, high)
    if is_number(low) and is_number(high) and float(low) <= 0 <= float(high):  # type: ignore[arg-type]
        return (
            f"{looks}, {unmoved}. The contact itself is not shown to change anything "
            f"({size}, {interval}): a prediction alone is no reason to contact."
        )
    return (
        f"{looks}, {unmoved}. The contact itself changes the chance by {size}. The first says who "
        "buys, the second what the contact adds; only the second is a reason to contact."
    )


def _moved(names: list[str], model: FittedModel | None) -> list[str]:
    if model is None or model.graph is None or model.panel.treatment not in model.graph.nodes:
        return []
    after = {plain(name) for name in model.graph.descendants(model.panel.treatment)}
    return [name for name in names if name in after]
