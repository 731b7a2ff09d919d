"""Negative controls: a question whose answer is known to be nothing, asked of the same rows in the same way.

Hides the two kinds. An *outcome* that the treatment cannot have changed, such as that of the period before, and an
*exposure* that cannot change the outcome share the hidden causes of the real ones; an adjustment that misses them finds
an effect where there is none (Lipsitch, Tchetgen Tchetgen & Cohen 2010).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from causal.doubts.inquiry import Check, Inquiry, Question, remark
from causal.encoding import FrameError, numeric_values, require_columns
from causal.estimation import NoOverlap, estimate_effect
from causal.estimators.effect import Effect

__all__ = ["negative_controls"]

CONTROL = "__control__"


def negative_controls(ask: Inquiry, outcome: str | ArrayLike | None, exposure: str | None, alpha: float) -> list[Check]:
    """Ask the controls given; ``alpha`` is the share of false alarms of each."""
    checks: list[Check] = []
    if outcome is not None:
        checks.append(_control_outcome(ask, outcome, alpha))
    if exposure is not None:
        checks.append(_control_exposure(ask, exposure, alpha))
    said = "No negative control was given, so nothing here could have seen a hidden cause."
    return checks or [remark("negative control", said)]


def _control_outcome(ask: Inquiry, given: str | ArrayLike, alpha: float) -> Check:
    frame, name = ask.frame, CONTROL
    if isinstance(given, str):
        require_columns(frame, [given])
        if given in (*ask.estimand.adjustment_set, ask.estimand.treatment, ask.estimand.outcome):
            raise FrameError(
                f"negative control {given!r} is adjusted for, or the treatment or outcome itself, so it could show "
                "nothing; take it out of the adjustment set or name another"
            )
        name = given
    else:
        values = np.asarray(given, dtype=np.float64)
        if values.shape != (len(frame),):
            raise FrameError(f"control_outcome has shape {values.shape} for {len(frame)} rows; give one per row")
        if not np.isfinite(values).all():
            wrong = int((~np.isfinite(values)).sum())
            raise FrameError(f"control_outcome is missing or infinite in {wrong} rows; fill them or drop those rows")
        frame = frame.assign(**{CONTROL: values})
    if np.ptp(numeric_values(frame[name])) == 0.0:
        said = f"{'It' if name == CONTROL else name} is the same in every row, so it can show nothing."
        return remark("negative control outcome", said)
    found = ask.of_outcome(frame, name)
    said = "The outcome it cannot have changed" if name == CONTROL else f"{name}, which it cannot have changed,"
    return _tested("negative control outcome", found, alpha, ask.effect, said)


def _control_exposure(ask: Inquiry, exposure: str, alpha: float) -> Check:
    spec = ask.estimand
    require_columns(ask.frame, [exposure])
    if exposure in (*spec.adjustment_set, spec.treatment, spec.outcome):
        raise FrameError(f"negative control {exposure!r} is adjusted for, or the treatment or outcome; name another")
    asked = Question(exposure, spec.outcome, (*spec.adjustment_set, spec.treatment), "adjustment")
    try:
        found = estimate_effect(ask.frame, asked, weights=ask.weights, clusters=ask.clusters, rng=ask.rng)
    except NoOverlap as refusal:
        said = f"The effect of {exposure} has no overlap ({refusal.reason}), so it can show nothing."
        return remark("negative control exposure", said)
    effects = [found] if isinstance(found, Effect) else list(found.values())
    worst = max(effects, key=lambda effect: abs(effect.value) / effect.se if effect.se else 0.0)
    said = f"{exposure}, which cannot change {spec.outcome},"
    return _tested("negative control exposure", worst, alpha / len(effects), None, said)


def _tested(name: str, found: Effect, alpha: float, effect: Effect | None, subject: str) -> Check:
    reach = float(stats.t.ppf(1 - alpha / 2, max(found.clusters - 1, 1))) * found.se
    low, high = found.value - reach, found.value + reach
    failed = low > 0 or high < 0
    figure = f"{found.value:+.3g} [{low:+.3g}, {high:+.3g}]"
    said = f"{subject} shows {figure}: {'a cause outside the columns drives both' if failed else 'no sign of one'}."
    blunt = reach + 0.84 * found.se
    if effect is not None and not failed and blunt > abs(effect.value):
        said += f" It would have missed one of the size of the effect (it sees {blunt:.3g} four times in five)."
    return Check(name, "failed" if failed else "passed", True, found.value, low, high, said)
