"""The command that judges: how far a fitted model can be believed, on customers it has not seen.

Hides which checks there are and what each costs. A ranking metric alone is not among them: a model with a bad control
can rank best and have the sign of the effect wrong.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from graphrec.cli.application import app
from graphrec.cli.options import Json, Model, say

if TYPE_CHECKING:
    from graphrec.decisions.judgement import Judgement
    from graphrec.decisions.recommender import Recommender
    from graphrec.learning.credibility.badcontrols import ControlAudit

__all__ = ["evaluate"]


@app.command()
def evaluate(model: Model, as_json: Json = False) -> None:
    """Judge a fitted model: grades, checks; on customers left out, the size of effects and the gain over one rule."""
    from graphrec.decisions.recommender import load_recommender

    fitted = load_recommender(model)
    judged, audit = _judged(fitted), fitted.audit
    say(_facts(fitted, judged, audit), as_json, "\n".join(_lines(fitted, judged, audit)))


def _judged(model: Recommender) -> Judgement | str:
    """The judgement on customers left out, or why there is none."""
    from graphrec.market.tables import DataError

    try:
        return model.judgement
    except DataError as error:  # contacts too few to be learned on a part of the customers and judged on the others
        return f"Nothing can be judged on customers left out: {error}."


def _facts(model: Recommender, judged: Judgement | str, audit: ControlAudit) -> dict[str, Any]:
    """What was found, as plain data; figures that do not exist are None."""
    effects = model.effects
    check, compared = effects.check, effects.comparability
    return {
        "grades": effects.grades,
        "reasons": effects.reasons,
        "adjustment_set": effects.adjustment.adjustment_set,
        "negative_control": {
            "status": check.status,
            "estimate": _number(check.estimate),
            "standard_error": _number(check.se),
        },
        "overlap": None if compared is None else {"status": compared.status, "share": _number(compared.overlap)},
        **_left_out(judged),
        "kept_out": list(audit.rejected),
    }


def _left_out(judged: Judgement | str) -> dict[str, Any]:
    """Slope and guard, where there is a judgement."""
    if isinstance(judged, str):
        return {"calibration": None, "guard": None, "not_judged": judged}
    guard, calibration = judged.guard, judged.calibration
    return {
        "calibration": {
            "slope": _number(calibration.slope),
            "interval": [_number(end) for end in calibration.interval],
        },
        "guard": {
            "advised": guard.advised,
            "constant": guard.constant,
            "difference": _number(guard.difference),
            "interval": [_number(end) for end in guard.interval],
        },
    }


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None  # nan and infinity are no JSON


def _lines(model: Recommender, judged: Judgement | str, audit: ControlAudit) -> list[str]:
    """The same in sentences."""
    effects = model.effects
    graded = [
        f"{channel}: grade {grade}" + (f" ({effects.reasons[channel]})" if effects.reasons.get(channel) else "")
        for channel, grade in effects.grades.items()
    ]
    compared = [] if effects.comparability is None else [f"Comparable customers: {effects.comparability.sentence}."]
    left_out = [judged] if isinstance(judged, str) else [judged.calibration.sentence, judged.guard.sentence]
    return [*graded, effects.check.sentence, *compared, *left_out, audit.sentence]
