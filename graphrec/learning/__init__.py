"""What would happen: appetite from the graph of purchases, and the effect of a contact.

The names are imported on first use; importing this package loads neither torch nor torch_geometric.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrec.learning.appetite import Appetite, appetite_as_of, fit_appetite
    from graphrec.learning.appetites.exponents import tune_filter
    from graphrec.learning.encoder import Encoder, EncoderConfig
    from graphrec.learning.encoders.inductive import embed_market
    from graphrec.learning.filters import FilterConfig, GraphFilter, fit_filter
    from graphrec.learning.hetero import from_hetero, to_hetero
    from graphrec.learning.training import Interrupted, train_encoder

_HOME = {
    "Appetite": "appetite",
    "Encoder": "encoder",
    "EncoderConfig": "encoder",
    "FilterConfig": "filters",
    "GraphFilter": "filters",
    "Interrupted": "training",
    "appetite_as_of": "appetite",
    "embed_market": "encoders.inductive",
    "fit_appetite": "appetite",
    "fit_filter": "filters",
    "from_hetero": "hetero",
    "to_hetero": "hetero",
    "train_encoder": "training",
    "tune_filter": "appetites.exponents",
}

__all__ = [
    "Appetite",
    "Encoder",
    "EncoderConfig",
    "FilterConfig",
    "GraphFilter",
    "Interrupted",
    "appetite_as_of",
    "embed_market",
    "fit_appetite",
    "fit_filter",
    "from_hetero",
    "to_hetero",
    "train_encoder",
    "tune_filter",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
