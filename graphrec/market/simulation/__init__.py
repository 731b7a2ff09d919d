"""Markets whose truth is known: simulated whole, or real with planted contacts.

Hides the structural model of a market and how effects are planted into real purchases. `simulate_market` answers
"does the method find what is there?", `plant_effects` answers "would we have seen an effect of this size here?".
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrec.market.simulation.planted import PlantedMarket, PlantedTruth
    from graphrec.market.simulation.planting import plant_effects
    from graphrec.market.simulation.simulator import Simulation, simulate_market
    from graphrec.market.simulation.truth import Truth

__all__ = ["PlantedMarket", "PlantedTruth", "Simulation", "Truth", "plant_effects", "simulate_market"]

_HOME = {
    "PlantedMarket": "graphrec.market.simulation.planted",
    "PlantedTruth": "graphrec.market.simulation.planted",
    "Simulation": "graphrec.market.simulation.simulator",
    "Truth": "graphrec.market.simulation.truth",
    "plant_effects": "graphrec.market.simulation.planting",
    "simulate_market": "graphrec.market.simulation.simulator",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
