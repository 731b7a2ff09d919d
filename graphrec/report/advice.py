"""One card for each prescription: the move, what it changes, how sure that is, and what was not possible.

Hides the reading of records that may lack any field; a missing figure is left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphrec.decisions.sentences.columnnames import Names
from graphrec.decisions.sentences.telling import Telling, tell_advice
from graphrec.report.claims import GRADES
from graphrec.report.figures import Chart, interval_chart
from graphrec.report.outreach import basis_sentence, offer_word
from graphrec.report.reasons import explain_block
from graphrec.report.wording import POINTS, count, is_number, money, plain, sentence_case

if TYPE_CHECKING:
    from graphrec.report.contents import Findings

__all__ = ["MOST_CARDS", "build_advice"]

MOST_CARDS = 60
"""Cards shown."""

_NOTHING = ("nothing", "do nothing", "none")


def build_advice(findings: Findings) -> dict[str, Any]:
    """Values of the page of prescriptions."""
    records = list(findings.prescriptions)
    shown = records[:MOST_CARDS]
    charts = _charts(shown)
    names = None if findings.model is None else Names.of(findings.model.panel, currency=findings.currency)
    cards = [_card(record, chart, findings.currency, _told(record, names)) for record, chart in zip(shown, charts)]
    return {
        "doubt": "" if findings.basis == "effect" else basis_sentence(findings),
        "offer": offer_word(findings),
        "cards": cards,
        "total": count(len(records)),
        "left": max(0, len(records) - MOST_CARDS),
        "grades": [(g, GRADES.get(g, "")) for g in sorted({card["grade"] for card in cards if card["grade"]})],
        "advised": count(sum(card["acts"] for card in cards)),
    }


def _charts(records: Sequence[Mapping[str, Any]]) -> list[Chart | None]:
    """One line for each card, all on the same axis, so that cards can be compared."""
    rows = [
        {"label": "", "style": "adjusted", "value": r.get("effect"), "low": r.get("low"), "high": r.get("high")}
        for r in records
    ]
    chart = interval_chart(rows, POINTS)
    return [
        replace(chart, rows=(row,)) if is_number(record.get("effect")) else None
        for row, record in zip(chart.rows, records)
    ]


def _told(record: Mapping[str, Any], names: Names | None) -> Telling | None:
    """The sentence by parts, where the model says what its columns mean."""
    return tell_advice(record, names=names) if names is not None and record.get("moves") else None


def _card(record: Mapping[str, Any], chart: Chart | None, currency: str, told: Telling | None) -> dict[str, Any]:
    lever = _text(record.get("lever"))
    acts = bool(lever) and plain(lever) not in _NOTHING
    return {
        "customer": _text(record.get("customer_id")),
        "offer": _text(_first(record, "offer", "offer_id", "product_id")),
        "acts": acts,
        "moves": _moves(record) if acts else [],
        "sentence": sentence_case(record.get("sentence") or ""),
        "told": told,
        "chain": [sentence_case(link["statement"]) for link in record.get("chain") or () if link.get("statement")],
        "effect": POINTS.signed(record.get("effect")),
        "interval": POINTS.interval(record.get("low"), record.get("high")),
        "chart": chart if acts else None,
        "bounded": is_number(record.get("low")) and is_number(record.get("high")),
        "cost": money(record.get("cost"), currency),
        "net": money(record.get("net_value"), currency),
        "grade": _text(record.get("grade")),
        "alternatives": [_alternative(part, currency) for part in _parts(record.get("alternatives"))],
        "blocked": _blocked(record.get("blocked")),
    }


def _moves(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each lever with its value now and then."""
    moves = record.get("moves") or [record]
    return [
        {"lever": _lever_name(move.get("lever")), "before": _value(move.get("from")), "after": _value(move.get("to"))}
        for move in moves
    ]


def _lever_name(lever: Any) -> str:
    return "contact" if lever == "treatment" else plain(lever)


def _first(record: Mapping[str, Any], *names: str) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _text(value: Any) -> str:
    return "" if value is None or (isinstance(value, float) and not is_number(value)) else str(value)


def _value(value: Any) -> str:
    """A level or a number of a lever."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{float(value):,.6g}".replace("-", "−") if is_number(value) else _text(value)


def _parts(value: Any) -> Iterable[Any]:
    if value is None or isinstance(value, (float, int)):
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    return [value] if isinstance(value, Mapping) else value


def _alternative(part: Any, currency: str) -> str:
    """One alternative in a line."""
    if not isinstance(part, Mapping):
        return sentence_case(part)
    if part.get("sentence"):
        return sentence_case(part["sentence"])
    what = _lever_name(_first(part, "lever", "name", "move") or "")
    if what in _NOTHING:
        return "Do nothing."
    move = " → ".join(text for text in (_value(part.get("from")), _value(part.get("to"))) if text)
    found = [
        f"{what}: {move}" if what and move else what or move,
        POINTS.signed(part["effect"]) if is_number(part.get("effect")) else "",
        f"net value {money(part['net_value'], currency)}" if is_number(part.get("net_value")) else "",
        f"grade {part['grade']}" if part.get("grade") else "",
        _text(_first(part, "reason", "why")),
    ]
    return sentence_case(", ".join(text for text in found if text))


def _blocked(value: Any) -> list[tuple[str, str]]:
    """Levers that may not be moved, with the reason."""
    if isinstance(value, Mapping):
        return [(plain(name), explain_block(str(name), str(why))) for name, why in value.items()]
    found = []
    for part in _parts(value):
        if isinstance(part, Mapping):
            name = plain(_first(part, "lever", "column", "name") or "")
            found.append((name, sentence_case(_first(part, "reason", "why") or "")))
        elif isinstance(part, (list, tuple)) and len(part) == 2:
            found.append((plain(part[0]), sentence_case(part[1])))
        else:
            found.append(("", sentence_case(part)))
    return found
