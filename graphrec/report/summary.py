"""What may be claimed, the verdict for each channel, and the plan in three sentences.

Hides the choice of what comes first: the doubts stand before the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.report.claims import GRADES, VERDICTS, channel_grades, estimate_words
from graphrec.report.outreach import basis_sentence, plan_sentences
from graphrec.report.scales import ladder_unit
from graphrec.report.sensitivity import first_page_words
from graphrec.report.wording import count, day, listing, percent, plain, sentence_case

if TYPE_CHECKING:
    from causal.ladder import Ladder
    from graphrec.learning.effects import EffectModel
    from graphrec.report.contents import Findings

__all__ = ["build_summary"]


def build_summary(findings: Findings) -> dict[str, Any]:
    """Values of the first page."""
    effects = None if findings.model is None else findings.model.effects
    return {
        "claims": _claims(findings, effects),
        "channels": _channels(findings),
        "plan": [] if findings.plan is None else plan_sentences(findings),
        "data": _data(findings),
        "advice": _advice(findings),
        "basis": findings.basis,
        "basis_sentence": basis_sentence(findings),
    }


def _claims(findings: Findings, effects: EffectModel | None) -> list[dict[str, str]]:
    """Sentences on what may be claimed, each with a mark: good, warn, bad or note."""
    claims = []
    if effects is None and not findings.ladders:
        if findings.plan is not None:
            text = "This page shows a plan alone. The evidence behind its grades stands in the report of the model."
            return [{"mark": "note", "text": text}]
        return [
            {"mark": "warn", "text": "No model was fitted and no evidence was gathered: nothing may be claimed yet."}
        ]
    if effects is not None:
        verdicts = {ladder.verdict for ladder in (findings.ladders or {}).values()}
        claims += _of_effects(effects, doubted=bool(verdicts) and "supported" not in verdicts)
    for verdict in VERDICTS:
        found = {str(c): ladder for c, ladder in (findings.ladders or {}).items() if ladder.verdict == verdict}
        if found:
            claims.append(_of_verdict(verdict, found))
    if not findings.ladders:
        claims.append(
            {"mark": "note", "text": "No ladder of evidence was built, so no channel has a verdict of its own."}
        )
    if words := first_page_words(findings):
        claims.append({"mark": "note", "text": words})
    return claims


def _of_effects(effects: EffectModel, *, doubted: bool) -> list[dict[str, str]]:
    adjustment, check = effects.adjustment, effects.check
    if not adjustment.identified:
        refusal = f"The effect of a contact cannot be learned from these data. {sentence_case(adjustment.refusal)}"
        return [{"mark": "bad", "text": refusal}]
    names = [plain(name) for name in adjustment.adjustment_set]
    set_words = f"with customers alike in {listing(names, 6)}" if names else "without any adjustment"
    mark = {"passed": "good", "failed": "bad"}.get(check.status, "warn")
    return [
        {
            "mark": "note" if doubted else "good",
            "text": f"{'If the causal graph is right' if doubted else 'By the causal graph'}, the effect of a contact "
            f"can be learned {set_words}.{' The tests below do not confirm it.' if doubted else ''}",
        },
        {"mark": mark, "text": check.sentence},
    ]


def _channel_words(channels: list[str]) -> str:
    return f"{'Channel' if len(channels) == 1 else 'Channels'} {listing(channels)}"


def _of_verdict(verdict: str, found: dict[str, Ladder]) -> dict[str, str]:
    mark = {"supported": "good", "not identified": "bad"}.get(verdict, "warn")
    text = f"{_channel_words(list(found))}: {verdict}. {VERDICTS[verdict]}"
    if verdict == "supported" and any(ladder.placebo is None for ladder in found.values()):
        mark, text = "warn", f"{text} No placebo was given, so hidden reasons for the contact are unchecked."
    return {"mark": mark, "text": text}


def _channels(findings: Findings) -> list[dict[str, Any]]:
    """A row for each channel: verdict, effect, grade, contacts planned."""
    grades = channel_grades(findings)
    ladders = {str(channel): ladder for channel, ladder in (findings.ladders or {}).items()}
    planned = _planned(findings)
    return [
        {
            "channel": name,
            "verdict": ladders[name].verdict if name in ladders else "",
            "effect": _effect(ladders.get(name), findings),
            "naive": ladder_unit(findings, ladders[name]).signed(ladders[name].naive.value) if name in ladders else "–",
            "grade": grades.get(name, ""),
            "meaning": GRADES.get(grades.get(name, ""), ""),
            "planned": count(planned[name]) if name in planned else ("0" if findings.plan is not None else "–"),
        }
        for name in dict.fromkeys([*ladders, *grades, *planned])
    ]


def _effect(ladder: Ladder | None, findings: Findings) -> str:
    if ladder is None or ladder.adjusted is None or ladder.verdict != "supported":
        return "–"
    unit = ladder_unit(findings, ladder)
    return estimate_words(ladder.adjusted, unit)


def _planned(findings: Findings) -> dict[str, int]:
    if findings.plan is None or "channel" not in findings.plan.outgoing.columns:
        return {}
    counts = findings.plan.outgoing["channel"].astype(str).value_counts().sort_index()
    return {str(channel): int(number) for channel, number in counts.items()}


def _data(findings: Findings) -> str:
    description = findings.description
    if description is None:
        return "The data were not described."
    customers = description.tables["customers"].kept if "customers" in description.tables else 0
    events = sum(description.events.values())
    contacts = sum(channel.contacts for channel in description.channels.values())
    span = "" if description.time_span is None else (
        f" from {day(description.time_span[0])} to {day(description.time_span[1])}"
    )  # fmt: skip
    aside = sum(table.set_aside for table in description.tables.values())
    received = sum(table.received for table in description.tables.values())
    bad = f"; {count(aside)} rows ({percent(aside / received)}) were set aside" if aside and received else ""
    return f"{count(customers)} customers, {count(events)} events and {count(contacts)} contacts{span}{bad}."


def _advice(findings: Findings) -> str:
    total = len(tuple(findings.prescriptions))
    return f"There are {count(total)} prescriptions, each with its reason." if total else ""
