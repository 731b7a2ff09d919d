"""Contact plans with causal reasons.

The public functions live here and are imported on first use, so that ``import graphrec`` costs milliseconds and
loads neither torch nor shap. Reach deeper modules by their own path, for example ``graphrec.evaluation``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrec.decisions.policy import ContactPolicy, Infeasible, Plan, allocate
    from graphrec.decisions.prescription import prescribe
    from graphrec.decisions.recommender import Recommender, RecommenderConfig, load_recommender
    from graphrec.decisions.tuning.tuner import tune
    from graphrec.market.feedback import read_feedback, read_texts
    from graphrec.market.ingestion import read_market
    from graphrec.market.lifetime import fit_lifetime
    from graphrec.market.panel import Panel, build_panel
    from graphrec.market.segmentation.customersegments import Segmentation, segment_customers
    from graphrec.market.simulation import plant_effects, simulate_market
    from graphrec.market.tables import DataError, Market

__version__ = "0.1.0"

_HOME = {
    "ContactPolicy": "graphrec.decisions.policy",
    "DataError": "graphrec.market.tables",
    "Infeasible": "graphrec.decisions.policy",
    "Market": "graphrec.market.tables",
    "Panel": "graphrec.market.panel",
    "Plan": "graphrec.decisions.policy",
    "Recommender": "graphrec.decisions.recommender",
    "RecommenderConfig": "graphrec.decisions.recommender",
    "Segmentation": "graphrec.market.segmentation.customersegments",
    "allocate": "graphrec.decisions.policy",
    "build_panel": "graphrec.market.panel",
    "fit_lifetime": "graphrec.market.lifetime",
    "load_recommender": "graphrec.decisions.recommender",
    "plant_effects": "graphrec.market.simulation",
    "prescribe": "graphrec.decisions.prescription",
    "read_feedback": "graphrec.market.feedback",
    "read_market": "graphrec.market.ingestion",
    "read_texts": "graphrec.market.feedback",
    "segment_customers": "graphrec.market.segmentation.customersegments",
    "simulate_market": "graphrec.market.simulation",
    "tune": "graphrec.decisions.tuning.tuner",
}

__all__ = [
    "ContactPolicy",
    "DataError",
    "Infeasible",
    "Market",
    "Panel",
    "Plan",
    "Recommender",
    "RecommenderConfig",
    "Segmentation",
    "allocate",
    "build_panel",
    "fit_lifetime",
    "load_recommender",
    "plant_effects",
    "prescribe",
    "read_feedback",
    "read_market",
    "read_texts",
    "segment_customers",
    "simulate_market",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphrec' has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
