"""How far the model may be trusted: can customers be compared, are effects right in size, is choosing worth it.

Hides how comparability, the line through predicted and true effects, the guard and the audit of bad controls become
sentences and small tables. Nothing is softened: the sentences are those of the objects themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.report.wording import count, is_number, percent, plain, sentence_case

if TYPE_CHECKING:
    from causal.estimators.effect import Effect
    from graphrec.decisions.judgement import Judgement
    from graphrec.learning.credibility.badcontrols import ControlAudit
    from graphrec.learning.credibility.comparability import Comparability
    from graphrec.learning.effects import EffectModel
    from graphrec.report.contents import Findings

__all__ = ["build_trust"]


def build_trust(findings: Findings) -> dict[str, Any]:
    """Values of the part of the page on claims that asks how far the model may be trusted."""
    effects = None if findings.model is None else findings.model.effects
    return {
        "compared": None if effects is None else _compared(getattr(effects, "comparability", None)),
        "grades": None if effects is None else _reasons(effects),
        "judged": _judged(findings.judgement),
        "audit": _audited(findings.audit),
        "front_door": _through_mediators(findings.front_door),
    }


def _compared(found: Comparability | None) -> dict[str, Any] | None:
    if found is None:
        return None
    lines = zip(found.calibration["predicted"], found.calibration["observed"], found.calibration["rows"])
    return {
        "status": found.status,
        "sentence": sentence_case(found.sentence),
        "certain": percent(found.certain) if found.certain > 0 else "",
        "calibration": [(percent(p), percent(o), count(n)) for p, o, n in lines],
        "channels": [
            (str(line.channel), count(line.contacts), count(line.ess))
            for line in found.channels.itertuples(index=False)
        ],
    }


def _reasons(effects: EffectModel) -> list[tuple[str, str, str]]:
    """Channel, grade and why it is not better."""
    reasons = getattr(effects, "reasons", {})
    return [(str(c), grade, sentence_case(reasons[c])) for c, grade in effects.grades.items() if reasons.get(c)]


def _judged(found: Judgement | None) -> dict[str, Any] | None:
    if found is None:
        return None
    guard, line = found.guard, found.calibration
    table = [] if line.deciles is None else zip(line.deciles.predicted, line.deciles.observed, line.deciles.rows)
    return {
        "guard": guard.sentence,
        "refused": not guard.passed,
        "advised": "" if guard.passed else guard.advised,
        "calibration": line.sentence if is_number(line.slope) else "",
        "deciles": [(f"{p:+.4f}", f"{o:+.4f}", count(n)) for p, o, n in table],
    }


def _audited(found: ControlAudit | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "sentence": found.sentence,
        "flips": bool(found.flips),
        "rejected": [(plain(name), sentence_case(why)) for name, why in found.rejected.items()],
        "rows": [
            (plain(line.estimate), f"{line.value:+.4f}", f"{line.low:+.4f} to {line.high:+.4f}")
            for line in found.table.itertuples(index=False)
        ],
    }


def _through_mediators(found: Effect | None) -> dict[str, Any] | None:
    """The front-door average beside the naive difference, and what it rests on."""
    if found is None:
        return None
    low, high = found.interval
    beside = "" if found.naive is None else f"; naive difference {found.naive.value:+.4f}"
    return {
        "sentence": f"{found.value:+.4f} ({low:+.4f} to {high:+.4f}, {found.level:.0%}){beside}",
        "meaning": found.meaning,
        "assumptions": list(found.assumptions),
    }
