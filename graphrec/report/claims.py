"""What may be claimed about each channel, and why not more.

Hides how ladders, adjustment, balance and the negative control become charts and sentences. The verdicts themselves
are computed below; nothing here softens them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphrec.decisions.comparison import ON_TWINS
from graphrec.report.figures import dot_chart, interval_chart
from graphrec.report.scales import ladder_unit
from graphrec.report.sensitivity import build_sensitivity
from graphrec.report.trust import build_trust
from graphrec.report.wording import (
    POINTS,
    Unit,
    count,
    is_number,
    listing,
    percent,
    plain,
    sentence_case,
)

if TYPE_CHECKING:
    from causal.estimators.effect import Effect
    from causal.ladder import Ladder
    from graphrec.learning.adjustment import Adjustment
    from graphrec.learning.effects import EffectModel
    from graphrec.report.contents import Findings

__all__ = ["GRADES", "VERDICTS", "build_claims", "channel_grades", "estimate_words"]

VERDICTS: Mapping[str, str] = {
    "supported": "The figure may be read as an effect, under the stated assumptions. It may still be zero.",
    "not identified": "The comparison fails its own test: contacted customers differ in ways the data do not show.",
    "underpowered": "There are too few contacts to see an effect of a possible size.",
    "no estimate": "There are too few purchases among the contacted to compute anything.",
}
GRADES: Mapping[str, str] = {
    "A": "randomised: the contacts were drawn by lot",
    "B": "adjusted: like compared with like, enough overlap, negative control passed",
    "C": "model only: the prediction could not be put to a test",
    "X": "not identifiable: no effect is claimed",
}
_RUNGS: Mapping[str, tuple[str, str]] = {
    "naive": ("Naive", "contacted against the others"),
    "adjusted": ("Adjusted", "like compared with like"),
    "placebo": ("Placebo", "the period before, where the contact cannot matter"),
    "difference_in_differences": ("Difference in differences", "change since the period before"),
}
_TWIN_RUNGS: Mapping[str, tuple[str, str]] = {
    **_RUNGS,
    "placebo": ("Placebo", "other offers, which the contact was not about"),
    "difference_in_differences": ("Difference in differences", "beyond what other offers show"),
}
_BALANCED = 0.1
_LOVE_LIMIT = 40


def build_claims(findings: Findings) -> dict[str, Any]:
    """Values of the page on claims."""
    effects = None if findings.model is None else findings.model.effects
    grades = channel_grades(findings)
    return {
        "adjustment": None if effects is None else _adjustment(effects.adjustment),
        "ladders": [
            _ladder(str(channel), ladder, ladder_unit(findings, ladder), grades)
            for channel, ladder in (findings.ladders or {}).items()
        ],
        "verdicts": VERDICTS,
        "grades": GRADES,
        "balance": None if effects is None else _balance(effects),
        "check": None if effects is None else _check(effects),
        "planted": build_sensitivity(findings),
        "trust": build_trust(findings),
    }


def channel_grades(findings: Findings) -> dict[str, str]:
    """Best grade of each channel's advice: as scored, else as fitted."""
    grades = {} if findings.model is None else {str(c): g for c, g in findings.model.effects.grades.items()}
    scores = findings.scores
    if scores is not None and {"channel", "grade"} <= set(scores.columns):
        best = scores.groupby(scores["channel"].astype(str), sort=True)["grade"].min()
        grades |= {str(channel): str(grade) for channel, grade in best.items()}
    return grades


def _adjustment(adjustment: Adjustment) -> dict[str, Any]:
    names = [plain(name) for name in adjustment.adjustment_set]
    if not adjustment.identified:
        words = f"The effect cannot be learned from these data. {sentence_case(adjustment.refusal)}"
    elif adjustment.estimand is None:
        words = "No causal graph chose the columns, so every column known before the decision is adjusted for."
    elif not names:
        words = (
            "The graph shows nothing that drives both the contact and the outcome, so nothing has to be adjusted for: "
            "the contacts are as good as random."
        )
    else:
        words = (
            f"Contacted and not contacted customers are compared where they are alike in {listing(names)}. By the "
            "causal graph, this closes every other way by which contacts and purchases could go together."
        )
    witness = "" if adjustment.estimand is None else getattr(adjustment.estimand, "witness", "") or ""
    return {
        "identified": adjustment.identified,
        "words": words,
        "names": names if adjustment.identified else [],
        "others": [plain(name) for name in adjustment.columns if name not in adjustment.adjustment_set],
        "excluded": [(plain(name), sentence_case(why)) for name, why in adjustment.excluded.items()],
        "forbidden": [plain(name) for name in getattr(adjustment.estimand, "forbidden", ())],
        "witness": _path(str(witness)),
    }


def _path(witness: str) -> str:
    """A path of the graph with real arrows."""
    return plain(witness).replace("<->", "↔").replace("->", "→").replace("<-", "←")


def _ladder(channel: str, ladder: Ladder, unit: Unit, grades: Mapping[str, str]) -> dict[str, Any]:
    rungs = _TWIN_RUNGS if ladder.placebo_where == ON_TWINS else _RUNGS
    rows = [_rung(rungs[name], name, effect, unit) for name, effect in ladder.rungs.items()]
    smallest = ladder.minimum_detectable_effect
    marks = [(ladder.ceiling, "ceiling", "ceiling"), (smallest, "detectable", "detectable")]
    return {
        "channel": channel,
        "verdict": ladder.verdict,
        "meaning": VERDICTS.get(ladder.verdict, ""),
        "sentence": _said(ladder, unit),
        "unit": unit.words,
        "adjusted_for": [] if ladder.adjusted is None else [plain(name) for name in ladder.adjusted.adjustment_set],
        "grade": grades.get(channel, ""),
        "chart": interval_chart(rows, unit, marks),
        "table": [_line(rungs[name], effect, unit) for name, effect in ladder.rungs.items()],
        "ceiling": unit.unsigned(ladder.ceiling),
        "detectable": unit.unsigned(smallest) if is_number(smallest) else "",
        "treated": count(ladder.treated),
        "events": count(ladder.treated_events),
        "assumptions": [] if ladder.adjusted is None else [sentence_case(a) for a in ladder.adjusted.assumptions],
    }


def _rung(words: tuple[str, str], name: str, effect: Effect | None, unit: Unit) -> dict[str, object]:
    label, note = words
    if effect is None:
        return {"label": label, "style": name, "text": "not made"}
    low, high = effect.interval
    return {"label": label, "style": name, "value": effect.value, "low": low, "high": high, "hint": note}


def _line(words: tuple[str, str], effect: Effect | None, unit: Unit) -> dict[str, str]:
    label, note = words
    if effect is None:
        return {"label": label, "note": note, "value": "–", "interval": "–", "n": "–", "ess": "–", "overlap": "–"}
    return {
        "label": label,
        "note": note,
        "value": unit.estimate(effect.value, *effect.interval)[0],
        "interval": unit.estimate(effect.value, *effect.interval)[1],
        "n": count(effect.n),
        "ess": count(effect.ess),
        "overlap": percent(effect.overlap),
    }


def _said(ladder: Ladder, unit: Unit) -> str:
    """The verdict with the figures in the unit of the page."""
    if ladder.verdict == "supported" and ladder.adjusted is not None:
        low, high = ladder.adjusted.interval
        size = estimate_words(ladder.adjusted, unit)
        said = f"A contact changes the outcome by {size}."
        if low <= 0 <= high:
            smallest = unit.unsigned(ladder.minimum_detectable_effect)
            said = f"No effect is shown: {size}. One of {smallest} would probably have been seen."
        return said + _unchecked(ladder)
    if ladder.verdict == "not identified" and ladder.placebo is not None:
        low, high = ladder.placebo.interval
        if not low <= 0 <= high:
            return (
                f"The same comparison finds {estimate_words(ladder.placebo, unit)} {ladder.placebo_where}, which the "
                "contact cannot have caused."
            )
    if ladder.verdict == "underpowered":
        return (
            f"The smallest effect these rows could show is {unit.unsigned(ladder.minimum_detectable_effect)}, above "
            f"the {unit.unsigned(ladder.ceiling)} that it can be at most."
        )
    return ladder.sentence


def estimate_words(effect: Effect, unit: Unit) -> str:
    """A figure with its interval in brackets."""
    value, interval = unit.estimate(effect.value, *effect.interval)
    return f"{value} ({interval})"


def _unchecked(ladder: Ladder) -> str:
    """Doubts that could not be tested."""
    missing = []
    if ladder.placebo is None:
        missing.append("no placebo was given, so hidden reasons for the contact are unchecked")
    if ladder.ceiling is None:
        missing.append("no ceiling was given, so the size is unchecked")
    return f" {sentence_case('; '.join(missing))}" if missing else ""


def _balance(effects: EffectModel) -> dict[str, Any]:
    table, exposure = effects.exposure.balance, effects.exposure
    shown = table.reindex(table["before"].abs().sort_values(ascending=False, kind="stable").index).head(_LOVE_LIMIT)
    off = int((table["after"].abs() > _BALANCED).sum())
    before = int((table["before"].abs() > _BALANCED).sum())
    state = "all are within it" if off == 0 else f"{off} still {'is' if off == 1 else 'are'} beyond it"
    return {
        "chart": dot_chart(
            [plain(name) for name in shown["column"]], shown["before"].tolist(), shown["after"].tolist(), _BALANCED
        ),
        "sentence": (
            f"Before weighting, {before} of {len(table)} columns differ by more than {_BALANCED:g} standard deviations "
            f"between contacted and not contacted rows; after weighting, {state}."
        ),
        "left": max(0, len(table) - _LOVE_LIMIT),
        "weights": (
            f"The weighted rows without a contact are worth {count(exposure.ess)} independent ones; "
            f"{percent(exposure.clipped_share)} of the weights were cut at their upper limit."
        ),
        "logged": _logged(exposure.logged_share),
        "clipped": exposure.clipped_share > 0.05,
    }


def _logged(share: float) -> str:
    """Where the probabilities of the contacts come from."""
    if share == 0:
        return (
            "The policy logged no probability of its contacts, so every one is learned from the columns. A logged "
            "probability is worth more than any model of it: log it with every contact from now on."
        )
    return f"The policy logged the probability of {percent(share)} of its contacts; where it did, the log is used."


def _check(effects: EffectModel) -> dict[str, Any]:
    check = effects.check
    return {
        "status": check.status,
        "words": check.sentence,
        "chart": interval_chart(
            [
                {
                    "label": "Effect on offers the contact was not about",
                    "style": "placebo" if check.status == "failed" else "adjusted",
                    "value": check.estimate,
                    "low": check.estimate - 2.576 * check.se,
                    "high": check.estimate + 2.576 * check.se,
                }
            ],
            POINTS,
        )
        if is_number(check.estimate) and is_number(check.se)
        else None,
    }
