"""Checks that are shown beside a verdict and never decide it.

Hides five habits of the field and what each can see. A *placebo treatment* (shuffled) finds a broken estimator, a
*random common cause* an unstable one, a *subset* a few rows that carry the figure; the *E-value* (VanderWeele & Ding
2017) restates the size of the effect as the risk ratio a hidden cause would need; *implied independences* contradict
the graph, wherever in it. None of the first four moves when a cause is hidden, which is why they do not decide.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from causal.doubts.implications import check_implications
from causal.doubts.inquiry import Check, Inquiry, remark
from causal.encoding import FrameError, numeric_values
from causal.estimation import NoOverlap, WeakInstrument
from causal.estimators.effect import Effect
from causal.estimators.sample import read_clusters
from causal.graph import CausalGraph

__all__ = ["e_value", "side_checks"]

NOISE = "__noise__"
KEPT = 0.8
ALARM = 3.0  # standard errors
LEVEL = 0.01


def side_checks(ask: Inquiry, graph: CausalGraph | None) -> list[Check]:
    """Run every check that applies; one that cannot be made says why."""
    checks = [
        _tried("placebo treatment", _placebo_treatment, ask),
        _tried("random common cause", _random_cause, ask),
        _tried("subset", _subset, ask),
        _e_value_check(ask),
    ]
    return checks if graph is None else [*checks, _implications(ask, graph)]


def e_value(effect: Effect, outcome: pd.Series[float], mean_control: float) -> float:
    """Return the risk ratio that a hidden cause would need with both treatment and outcome to explain an effect.

    Parameters
    ----------
    effect : Effect
    outcome : Series
        0 / 1, or a number: then the risk ratio is ``exp(0.91 value / sd)`` (VanderWeele & Ding 2017, table 2).
    mean_control : float
        Mean outcome without the treatment.

    Returns
    -------
    float
        At least 1; 1 where nothing needs to be explained.
    """
    values = numeric_values(outcome)
    if np.isin(values, (0.0, 1.0)).all():
        risk = np.clip(mean_control + effect.value, 1e-9, 1.0) / np.clip(mean_control, 1e-9, 1.0)
    else:
        risk = np.exp(np.clip(0.91 * effect.value / values.std(), -50, 50)) if values.std() > 0 else 1.0
    ratio = float(max(risk, 1 / risk))
    return ratio + float(np.sqrt(ratio * (ratio - 1)))


def _tried(name: str, check: Callable[[Inquiry], Check], ask: Inquiry) -> Check:
    try:
        return check(ask)
    except (NoOverlap, WeakInstrument, FrameError) as refusal:
        return remark(name, f"It could not be made: {refusal}", decisive=False)


def _placebo_treatment(ask: Inquiry) -> Check:
    order = ask.rng.permutation(len(ask.frame))
    names = [ask.estimand.treatment, *getattr(ask.estimand, "instruments", ()), *getattr(ask.estimand, "mediators", ())]
    shuffled = {name: ask.frame[name].array.take(order) for name in names}
    found = ask.again(ask.frame.assign(**shuffled))
    return _near("placebo treatment", found.value, ALARM * found.se, "A shuffled treatment, which does nothing, shows")


def _random_cause(ask: Inquiry) -> Check:
    noisy = ask.frame.assign(**{NOISE: ask.rng.normal(size=len(ask.frame))})
    moved = ask.again(noisy, beside=(NOISE,)).value - ask.effect.value
    return _near("random common cause", moved, ask.effect.se, "Adjusting for a column of noise moves the figure by")


def _subset(ask: Inquiry) -> Check:
    groups = read_clusters(ask.frame, ask.clusters)
    kept = ask.rng.random(int(groups.max()) + 1) < KEPT
    found = ask.again(ask.frame, rows=kept[groups])
    expected = ask.effect.se * np.sqrt(1 / KEPT - 1)
    said = f"Keeping {KEPT:.0%} of the customers moves the figure by"
    return _near("subset", found.value - ask.effect.value, ALARM * float(expected), said)


def _near(name: str, figure: float, limit: float, said: str) -> Check:
    fine = abs(figure) <= limit
    sentence = f"{said} {figure:+.3g}; up to {limit:.3g} would be chance."
    return Check(name, "passed" if fine else "failed", False, figure, -limit, limit, sentence)


def _e_value_check(ask: Inquiry) -> Check:
    nothing, outcome = float("nan"), ask.frame[ask.estimand.outcome]
    control = ask.frame[ask.estimand.treatment] == ask.effect.contrast[1]
    mean = float(numeric_values(outcome[control]).mean()) if control.any() else float(numeric_values(outcome).mean())
    figure = e_value(ask.effect, outcome, mean)
    said = (
        f"A hidden cause would need a risk ratio of {figure:.2f} with both treatment and outcome. It says how large "
        "the effect is, not whether such a cause exists."
    )
    return Check("e-value", "informative", False, figure, nothing, nothing, said)


def _implications(ask: Inquiry, graph: CausalGraph) -> Check:
    table = check_implications(ask.frame, graph, ask.weights, ask.clusters)
    nothing, name = float("nan"), "implied independences"
    if table.empty:
        return remark(name, "The graph implies none.", decisive=False)
    broken = table[table["adjusted"] < LEVEL]
    if broken.empty:
        said = f"None of the {len(table)} independences that the graph implies is contradicted."
        return Check(name, "passed", False, 0.0, nothing, nothing, said)
    first = broken.iloc[0]
    given = f" given {', '.join(first['given'])}" if first["given"] else ""
    said = (
        f"{len(broken)} of the {len(table)} independences that the graph implies are contradicted, most of all "
        f"{first['first']} and {first['second']}{given} (p = {first['adjusted']:.2g})."
    )
    return Check(name, "failed", False, float(len(broken)), nothing, nothing, said)
