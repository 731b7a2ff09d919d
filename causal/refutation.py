"""Attempts to prove an effect wrong, and what is left of it.

Hides which checks decide. A verdict rests on three: a *negative control* (the same adjustment on an outcome that the
treatment cannot have changed, or of an exposure that cannot change the outcome: anything but 0 is a cause outside the
columns; Lipsitch, Tchetgen Tchetgen & Cohen 2010), *overlap*, and the *omitted-variable bound* against the strongest
column (Chernozhukov et al. 2022). The first two can refute; the third can only call an effect fragile, for it measures
what a hidden cause could do, not whether there is one.

The checks of :mod:`causal.doubts.sidechecks` (placebo treatment, random common cause, subset, E-value, implied
independences) are shown beside them and never decide: they pass on confounded data. An E-value of 2.7 stood beside a
failed negative control on real campaigns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from causal.doubts.inquiry import Check, Inquiry, remark
from causal.doubts.negativecontrols import negative_controls
from causal.doubts.omission import omitted_variable_bound
from causal.doubts.sidechecks import side_checks
from causal.encoding import FrameError
from causal.estimation import AdjustmentEstimand
from causal.estimators.effect import Effect
from causal.graph import CausalGraph

__all__ = ["Check", "Refutation", "refute"]

Verdict = Literal["supported", "fragile", "unchecked", "refuted"]

ALPHA = 0.025
LEAST_OVERLAP = 0.9
MOST_CLIPPED = 0.1
FEWEST_WORTH = 50.0  # rows, once weighted


@dataclass(frozen=True)
class Refutation:
    """Everything that was tried against an effect.

    Parameters
    ----------
    effect : Effect
    checks : tuple of Check
        Decisive ones first.
    verdict : {"supported", "fragile", "unchecked", "refuted"}
        ``refuted``: a negative control or overlap failed. ``fragile``: neither did, but a hidden cause as strong as
        the strongest column would explain the effect away. ``unchecked``: no negative control was given. Else
        ``supported``: it may be read as an effect under its assumptions (it may still be 0).
    sentence : str
        The verdict and its reason.
    """

    effect: Effect
    checks: tuple[Check, ...]
    verdict: Verdict
    sentence: str

    @property
    def table(self) -> pd.DataFrame:
        """One row for each check: name, decisive, status, figure, low, high, sentence."""
        return pd.DataFrame([check.__dict__ for check in self.checks])[
            ["name", "decisive", "status", "figure", "low", "high", "sentence"]
        ]

    def __str__(self) -> str:
        lines = [self.sentence]
        for check in self.checks:
            mark = "  " if check.decisive else "    "
            lines.append(f"{mark}{check.name}: {check.status}. {check.sentence}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values (JSON-ready; a figure that does not exist is None)."""
        checks = [
            {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in vars(check).items()}
            for check in self.checks
        ]
        return {"verdict": self.verdict, "sentence": self.sentence, "checks": checks, "effect": self.effect.to_dict()}


def refute(
    frame: pd.DataFrame,
    estimand: AdjustmentEstimand,
    effect: Effect,
    *,
    control_outcome: str | ArrayLike | None = None,
    control_exposure: str | None = None,
    graph: CausalGraph | None = None,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    propensity: str | ArrayLike | pd.DataFrame | None = None,
    alpha: float = ALPHA,
    beside: bool = True,
    rng: int | np.random.Generator | None = None,
) -> Refutation:
    """Try to prove an effect wrong.

    Parameters
    ----------
    frame : DataFrame, n rows
        The rows that the effect was estimated on.
    estimand : Estimand
        What it was estimated by.
    effect : Effect
        From :func:`causal.estimate_effect`.
    control_outcome : column name or array of shape (n,), optional
        Negative control: an outcome that the treatment cannot have changed although the same causes drive it, at best
        the outcome over a period of the same length before the treatment. Not a column that is adjusted for.
    control_exposure : str, optional
        Negative control: a column driven by the same causes as the treatment that cannot change the outcome, such as
        a later contact.
    graph : CausalGraph, optional
        Its implied independences are tested beside the verdict.
    weights, clusters, propensity
        As given to :func:`causal.estimate_effect`.
    alpha : float
        Share of sound effects that the negative controls may refute, shared between them.
    beside : bool
        Whether to run the checks that never decide (about five more estimates).
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    Refutation

    Raises
    ------
    FrameError
        When an argument cannot be used.

    Notes
    -----
    Passing proves nothing: a negative control sees hidden causes only as far as they drive it too. What it could have
    seen is said in its sentence.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from causal.estimation import estimate_effect
    >>> draw = np.random.default_rng(0)
    >>> wealth, taste = draw.normal(size=(2, 2_000))
    >>> contact = draw.random(2_000) < 1 / (1 + np.exp(-wealth - taste))
    >>> before, after = wealth + taste + draw.normal(size=(2, 2_000)) + np.outer([0, 3], contact)
    >>> frame = pd.DataFrame({"wealth": wealth, "taste": taste, "contact": contact, "before": before, "after": after})
    >>> def verdict(*adjustment_set):
    ...     spec = SimpleNamespace(
    ...         treatment="contact", outcome="after", adjustment_set=adjustment_set, method="o-set")
    ...     effect = estimate_effect(frame, spec, rng=0)
    ...     return refute(frame, spec, effect, control_outcome="before", beside=False, rng=0).verdict
    >>> verdict("wealth", "taste"), verdict("wealth")
    ('supported', 'refuted')
    """
    if not 0 < alpha < 0.5:
        raise FrameError(f"alpha is {alpha}; it is the share of false alarms, such as 0.025")
    if not isinstance(effect, Effect):
        raise FrameError(
            f"the effect is of type {type(effect).__name__}; give one Effect: where there are several contrasts, "
            "causal.estimate_effect returns one for each"
        )
    if (effect.treatment, effect.outcome) != (estimand.treatment, estimand.outcome):
        raise FrameError(
            f"the effect is of {effect.treatment!r} on {effect.outcome!r}, the estimand of {estimand.treatment!r} on "
            f"{estimand.outcome!r}; give the two that belong together"
        )
    generator = np.random.default_rng(rng)
    ask = Inquiry(frame, estimand, effect, weights, clusters, propensity, generator)
    share = alpha / max((control_outcome is not None) + (control_exposure is not None), 1)
    checks = [*negative_controls(ask, control_outcome, control_exposure, share), _overlap(effect), _bound(ask)]
    if beside:
        checks += side_checks(ask, graph)
    verdict, sentence = _judge(effect, checks)
    return Refutation(effect, tuple(checks), verdict, sentence)


def _overlap(effect: Effect) -> Check:
    if effect.target in ("slope", "local"):
        said = f"{effect.overlap:.0%} of its variance is left for comparison; the rows are worth {effect.ess:,.0f}."
        return Check("overlap", "passed", True, effect.overlap, 0.02, 1.0, said)
    fine = effect.overlap >= LEAST_OVERLAP and effect.ess >= FEWEST_WORTH and effect.clipped_share <= MOST_CLIPPED
    said = (
        f"{effect.overlap:.1%} of the population has comparable rows in both arms; {effect.n:,} rows are worth "
        f"{effect.ess:,.0f}; {effect.clipped_share:.1%} were clipped."
    )
    return Check("overlap", "passed" if fine else "failed", True, effect.overlap, LEAST_OVERLAP, 1.0, said)


def _bound(ask: Inquiry) -> Check:
    name, effect = "omitted-variable bound", ask.effect
    if effect.target not in ("ate", "att", "ato", "slope") or ask.estimand.method == "front-door":
        return remark(name, "It is for effects by adjustment; this one is not.")
    if not effect.adjustment_set:
        return remark(name, "Nothing was adjusted for, so there is no column to measure by.")
    study = ask.study if ask.compares_arms and ask.propensity is None else None
    found = omitted_variable_bound(ask.frame, effect, ask.weights, ask.clusters, ask.rng, study=study)
    low, high = found.interval
    cause = f"A hidden cause as strong as {found.strongest}"
    if effect.interval[0] <= 0 <= effect.interval[1]:
        said = f"No effect is shown, so there is none to explain away. {cause} could move it by {found.bias:.3g}."
        return Check(name, "informative", True, found.bias, low, high, said)
    fate = "would leave" if found.survives else "could explain the effect away: it would leave"
    said = (
        f"{cause} {fate} [{low:+.3g}, {high:+.3g}]; it takes one of {found.robustness_interval:.1%} of the variance "
        "left in both treatment and outcome to bring the interval to 0."
    )
    return Check(name, "passed" if found.survives else "failed", True, found.bias, low, high, said)


def _judge(effect: Effect, checks: Sequence[Check]) -> tuple[Verdict, str]:
    deciding = {check.name: check for check in checks if check.decisive}
    controls = [check for name, check in deciding.items() if name.startswith("negative control")]
    refuting = [check for check in (*controls, deciding["overlap"]) if check.status == "failed"]
    figure = f"{effect.value:+.3g} [{effect.interval[0]:+.3g}, {effect.interval[1]:+.3g}]"
    claim = f"the effect of {effect.treatment} on {effect.outcome}, {figure},"
    if refuting:
        return "refuted", f"Refuted: {claim} does not stand. {refuting[0].sentence}"
    bound = deciding["omitted-variable bound"]
    if bound.status == "failed":
        return "fragile", f"Fragile: nothing refutes {claim} but {bound.sentence[0].lower()}{bound.sentence[1:]}"
    if all(check.status == "informative" for check in controls):
        return "unchecked", f"Unchecked: {claim} met no negative control that could have refuted it."
    return "supported", f"Supported: {claim} withstood every check that could have refuted it."
