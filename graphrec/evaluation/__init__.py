"""How good is it: pure functions from arrays to figures with their uncertainty.

Nothing here fits, reads or draws. Names are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrec.evaluation.calibration import (
        CalibrationTable,
        Slope,
        ate_bias,
        calibration_by_decile,
        calibration_slope,
        interval_coverage,
        rpehe,
    )
    from graphrec.evaluation.inputs import EvaluationError
    from graphrec.evaluation.intervals import (
        Interval,
        bootstrap_difference,
        bootstrap_ratio,
        bootstrap_statistic,
        mean_interval,
    )
    from graphrec.evaluation.offpolicy import (
        PolicyValue,
        Unreliable,
        doubly_robust,
        inverse_propensity,
        self_normalised,
    )
    from graphrec.evaluation.qini import GainCurve, auuc, qini_observed, qini_true, uplift_observed
    from graphrec.evaluation.ranking import (
        catalogue_coverage,
        ndcg_at_k,
        ndcg_of_scores,
        ndcg_per_customer,
        recall_at_k,
        recall_of_scores,
        recall_per_customer,
    )
    from graphrec.evaluation.uplift import (
        RankedValue,
        cdcg_at_k,
        cp_at_k,
        rank_value,
        share_of_oracle,
        value_of_best,
    )

_NAMES = {
    "calibration": (
        "CalibrationTable",
        "Slope",
        "ate_bias",
        "calibration_by_decile",
        "calibration_slope",
        "interval_coverage",
        "rpehe",
    ),
    "inputs": ("EvaluationError",),
    "intervals": (
        "Interval",
        "bootstrap_difference",
        "bootstrap_ratio",
        "bootstrap_statistic",
        "mean_interval",
    ),
    "offpolicy": ("PolicyValue", "Unreliable", "doubly_robust", "inverse_propensity", "self_normalised"),
    "qini": ("GainCurve", "auuc", "qini_observed", "qini_true", "uplift_observed"),
    "ranking": (
        "catalogue_coverage",
        "ndcg_at_k",
        "ndcg_of_scores",
        "ndcg_per_customer",
        "recall_at_k",
        "recall_of_scores",
        "recall_per_customer",
    ),
    "uplift": ("RankedValue", "cdcg_at_k", "cp_at_k", "rank_value", "share_of_oracle", "value_of_best"),
}
_HOME = {name: f"graphrec.evaluation.{module}" for module, names in _NAMES.items() for name in names}

__all__ = [
    "CalibrationTable",
    "EvaluationError",
    "GainCurve",
    "Interval",
    "PolicyValue",
    "RankedValue",
    "Slope",
    "Unreliable",
    "ate_bias",
    "auuc",
    "bootstrap_difference",
    "bootstrap_ratio",
    "bootstrap_statistic",
    "calibration_by_decile",
    "calibration_slope",
    "catalogue_coverage",
    "cdcg_at_k",
    "cp_at_k",
    "doubly_robust",
    "interval_coverage",
    "inverse_propensity",
    "mean_interval",
    "ndcg_at_k",
    "ndcg_of_scores",
    "ndcg_per_customer",
    "qini_observed",
    "qini_true",
    "rank_value",
    "recall_at_k",
    "recall_of_scores",
    "recall_per_customer",
    "rpehe",
    "self_normalised",
    "share_of_oracle",
    "uplift_observed",
    "value_of_best",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
