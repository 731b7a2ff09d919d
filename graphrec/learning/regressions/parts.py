"""The storable form of a fitted model: arrays, texts and plain data, nested by prefix.

Hides how models that hold models become one flat folder of files. Nothing is pickled: loading runs no code.
Alternative considered: joblib or skops, which either run code on loading or need a list of trusted classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["NotStorable", "Parts", "join_parts"]

_MARK = "."


class NotStorable(ValueError):
    """A part of the recommender has no form that can be stored without pickle."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What a model is made of.

    Attributes
    ----------
    arrays : mapping of str to numpy.ndarray
    texts : mapping of str to str
        LightGBM models in LightGBM's own text.
    meta : mapping of str to plain data
        Anything JSON can hold.

    Examples
    --------
    >>> whole = join_parts({"f": Parts({"w": np.ones(2)}, {}, {"k": 1})})
    >>> sorted(whole.arrays), whole.part("f").meta
    (['f.w'], {'k': 1})
    """

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def part(self, prefix: str) -> Parts:
        """The part that was joined under a prefix."""
        cut = len(prefix) + len(_MARK)
        start = prefix + _MARK
        return Parts(
            {name[cut:]: values for name, values in self.arrays.items() if name.startswith(start)},
            {name[cut:]: text for name, text in self.texts.items() if name.startswith(start)},
            self.meta[prefix],
        )


def join_parts(parts: Mapping[str, Parts], meta: Mapping[str, Any] | None = None) -> Parts:
    """One flat form of several parts, each under its prefix, and more plain data beside them."""
    arrays = {f"{prefix}{_MARK}{name}": v for prefix, part in parts.items() for name, v in part.arrays.items()}
    texts = {f"{prefix}{_MARK}{name}": t for prefix, part in parts.items() for name, t in part.texts.items()}
    return Parts(arrays, texts, {**{prefix: part.meta for prefix, part in parts.items()}, **(meta or {})})
