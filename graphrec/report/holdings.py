"""What the data hold, what was set aside, and what that limits.

Hides the arrangement of a `MarketDescription` and of the panel's own counts into tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.report.wording import count, day, percent, plain, sentence_case

if TYPE_CHECKING:
    from graphrec.market.description import AttributeCoverage, MarketDescription
    from graphrec.market.panel import Panel
    from graphrec.report.contents import Findings
    from ontology.domain import Ontology

__all__ = ["build_holdings"]


def build_holdings(findings: Findings) -> dict[str, Any]:
    """Values of the data page."""
    description = findings.description
    panel = None if findings.model is None else findings.model.panel
    return {
        "described": description is not None,
        "tiles": [] if description is None else _tiles(description),
        "tables": [] if description is None else _tables(description),
        "bad_rows": [] if description is None else _bad_rows(description),
        "channels": [] if description is None else _channels(description),
        "events": [] if description is None else _events(description),
        "attributes": [] if description is None else _attributes(description, findings.known_ontology),
        "findings": [] if description is None else list(description.findings),
        "consent": _consent(description),
        "panel": None if panel is None else _panel(panel),
        "left_out": [] if panel is None else _left_out(panel),
    }


def _tiles(description: MarketDescription) -> list[dict[str, str]]:
    customers = description.tables.get("customers")
    span = description.time_span
    aside = sum(table.set_aside for table in description.tables.values())
    received = sum(table.received for table in description.tables.values())
    tiles = [
        (
            "Customers",
            count(customers.kept) if customers else "–",
            f"{count(description.contacted_customers)} contacted",
        ),
        ("Events", count(sum(description.events.values())), f"of {len(description.events)} kinds"),
        ("Contacts", count(sum(c.contacts for c in description.channels.values())), _channel_words(description)),
        ("Rows set aside", count(aside), f"{percent(aside / received if received else 0.0)} of {count(received)}"),
    ]
    if span is not None:
        tiles.insert(0, ("Time span", day(span[0]), f"to {day(span[1])}, {description.time_zone}"))
    return [{"label": label, "value": value, "note": note} for label, value, note in tiles]


def _channel_words(description: MarketDescription) -> str:
    number = len(description.channels)
    return "by 1 channel" if number == 1 else f"by {number} channels"


def _tables(description: MarketDescription) -> list[dict[str, str]]:
    return [
        {"name": name, "received": count(t.received), "kept": count(t.kept), "set_aside": count(t.set_aside)}
        for name, t in description.tables.items()
    ]


def _bad_rows(description: MarketDescription) -> list[dict[str, str]]:
    return [
        {"table": table, "reason": reason, "rows": count(rows)}
        for table, reasons in description.bad_rows.items()
        for reason, rows in reasons.items()
    ]


def _channels(description: MarketDescription) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "contacts": count(c.contacts),
            "customers": count(c.customers),
            "span": f"{day(c.first)} to {day(c.last)}",
            "logged": percent(c.propensity_share),
            "randomised": percent(c.randomised_share),
            "consented": percent(c.consented_share),
        }
        for name, c in description.channels.items()
    ]


def _events(description: MarketDescription) -> list[dict[str, Any]]:
    top = max(description.events.values(), default=0)
    return [
        {"name": plain(kind), "rows": count(rows), "share": round(100 * rows / top, 2) if top else 0.0}
        for kind, rows in sorted(description.events.items(), key=lambda item: -item[1])
    ]


def _attributes(description: MarketDescription, ontology: Ontology) -> list[dict[str, str]]:
    return [
        {
            "name": plain(name),
            "table": a.table,
            "known": percent(a.known_share),
            "class_name": a.class_name or "–",
            "enters": _use(a, ontology),
        }
        for name, a in description.attributes.items()
    ]


def _use(attribute: AttributeCoverage, ontology: Ontology) -> str:
    """What an attribute is used for."""
    if not attribute.enters_models:
        return "in no model: it has no role"
    known = ontology.classes.get(attribute.class_name or "")
    if known is not None and known.group in ("mediator", "outcome", "consequence"):
        return "in the graph only: it comes after the contact"
    return "in the models"


def _consent(description: MarketDescription | None) -> str:
    if description is None:
        return ""
    if description.consent_coverage is None:
        return "There is no table of consents, so this report cannot say who may be contacted."
    return f"{percent(description.consent_coverage)} of the customers have answered for at least one channel."


def _left_out(panel: Panel) -> list[tuple[str, str]]:
    """Reasons with the columns they keep out."""
    columns: dict[str, list[str]] = {}
    for name, why in panel.left_out.items():
        columns.setdefault(str(why), []).append(plain(name))
    return [(sentence_case(why), ", ".join(names)) for why, names in columns.items()]


def _panel(panel: Panel) -> dict[str, Any]:
    frame = panel.frame
    contacted = int((frame[panel.treatment] != panel.control).sum())
    horizon = "" if panel.horizon_days is None else f" within {panel.horizon_days} days"
    return {
        "sentence": (
            f"From these records the model was fitted on {count(len(frame))} opportunities: {count(contacted)} with a "
            f"contact and {count(len(frame) - contacted)} comparable ones without, from the same moments. The outcome "
            f"is whether the offer was bought{horizon}."
        )
        if panel.horizon_days is not None
        else f"The model was fitted on {count(len(frame))} rows, {count(contacted)} of them treated.",
        "counts": [(plain(name), count(rows)) for name, rows in panel.counts.items() if rows],
        "columns": f"{len(panel.covariates)} columns known before the decision, {len(panel.mediators)} between contact "
        f"and outcome, {len(panel.consequences)} after it. Effects are learned from the first group only.",
    }
