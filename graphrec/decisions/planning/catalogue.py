"""Everything that can be said to a customer, numbered: offer, channel and slot, and what each uses.

Hides how names become numbers, so that a decision reads one price for each candidate however many limits there are. A
thing that falls into a quiet time has no price at which it could be had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.gate import Gate

__all__ = ["Catalogue"]

Floats = NDArray[np.float64]
Name = tuple[Any, str, str | None]


class Catalogue:
    """Numbers of offers, channels and slots.

    Attributes
    ----------
    names : list of (offer, channel, slot)
        By number.
    cells : list of tuple of int
        Cells that each counts in.
    floors : (n,) float
        Net value that a candidate must be above.
    """

    def __init__(self, policy: ContactPolicy, places: Mapping[tuple[str, ...], int], gate: Gate) -> None:
        self._policy, self._places, self._gate = policy, places, gate
        self._number: dict[Name, int] = {}
        self._must = {name for name, least in (policy.minimum_exposure or {}).items() if least > 0}
        self._nobody = len(places)
        self.names: list[Name] = []
        self.cells: list[tuple[int, ...]] = []
        self._quiet: list[bool] = []
        self.floors = np.zeros(0)
        self._matrix = np.zeros((0, 3), dtype=np.int64)

    def knows(self, *columns: Sequence[Any]) -> bool:
        """Whether every name has a number."""
        return all(name in self._number for name in zip(*columns))

    def keys(self, *columns: Sequence[Any]) -> NDArray[np.int64]:
        """Numbers of known names."""
        number = self._number
        return np.array([number[name] for name in zip(*columns)], dtype=np.int64)

    def add(self, names: Iterable[Name]) -> None:
        """Take names in that are new; they have numbers once they are published."""
        known = set(self._number)
        for name in names:
            if name not in known:
                known.add(name)
                self._add(name)
        rows = [(*cells, *[self._nobody] * (3 - len(cells))) for cells in self.cells]
        self._matrix = np.array(rows, dtype=np.int64).reshape(len(rows), 3)
        floor = self._policy.minimum_net_value
        self.floors = np.array([-np.inf if str(name[0]) in self._must else floor for name in self.names])

    def publish(self) -> None:
        """Give the new names their numbers; only then may a decision ask for their prices."""
        for number in range(len(self._number), len(self.names)):
            self._number[self.names[number]] = number

    def priced(self, cells: Floats) -> Floats:
        """Price of every name from those of the cells."""
        return np.where(np.array(self._quiet, dtype=bool), np.inf, cells[self._matrix].sum(axis=1))

    def _add(self, name: Name) -> None:
        offer, channel, slot = name
        wanted = (("channel", channel), ("slot", channel, str(slot)), ("product", str(offer)))
        self.cells.append(tuple(self._places[key] for key in wanted if key in self._places))
        self._quiet.append(self._gate.is_quiet(channel, slot))
        self.names.append(name)
