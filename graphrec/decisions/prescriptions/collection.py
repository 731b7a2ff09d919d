"""Prescriptions of many customers: as a table, as lines of JSON.

Hides the order of the columns and how a file is written without ever being half written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.decisions.prescriptions.phrasing import figure
from graphrec.decisions.prescriptions.promises import DO_NOTHING, Prescription

__all__ = ["Prescriptions"]

_MOVE_COLUMNS = ("lever", "from", "to", "second_lever", "second_from", "second_to")
_FIGURES = ("effect", "low", "high", "level", "cost", "net_value", "net_low", "equation_effect")
_AVERAGE = {"average_effect": "effect", "average_low": "low", "average_high": "high", "average_n": "n",
            "overlap": "overlap"}  # fmt: skip
_CONSTANT = {"constant_lever": "lever", "constant_to": "to", "constant_net_value": "net_value"}
_LAST = ("through", "grade", "reason", "control", "extrapolation", "delay_days", "consent", *_CONSTANT, "sentence")
_COLUMNS = ("customer_id", "offer", *_MOVE_COLUMNS, *_FIGURES, *_AVERAGE, *_LAST)


@dataclass(frozen=True)
class Prescriptions:
    """Prescriptions of some customers.

    Attributes
    ----------
    items : tuple of Prescription
        In the order of the customers asked for.
    blocked : mapping of str to str
        Every column that is no lever, with the reason.
    """

    items: tuple[Prescription, ...]
    blocked: Mapping[str, str]

    def to_records(self) -> list[dict[str, Any]]:
        """One dictionary of plain values for each prescription."""
        return [item.to_dict() for item in self.items]

    def to_frame(self) -> pd.DataFrame:
        """One row for each prescription.

        Returns
        -------
        pandas.DataFrame
            Columns customer_id, offer, lever, from, to, second_lever, second_from, second_to, effect, low, high, level,
            cost, net_value, net_low, equation_effect, average_effect, average_low, average_high, average_n, overlap,
            through, grade, reason, control (status), extrapolation, delay_days, consent, constant_lever, constant_to,
            constant_net_value, sentence. Numbers and words of different levers share the columns ``from`` and ``to``,
            which therefore hold text.
        """
        return pd.DataFrame([_row(item) for item in self.items], columns=list(_COLUMNS))

    def to_jsonl(self, path: str | Path) -> Path:
        """Write one JSON object a line; beside its place and then renamed, so that no half file is ever seen."""
        target = Path(path)
        beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        lines = [json.dumps(record, ensure_ascii=False, allow_nan=False) for record in self.to_records()]
        try:
            beside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        return target

    def __len__(self) -> int:
        return len(self.items)


def _row(item: Prescription) -> dict[str, Any]:
    record = item.to_dict()
    record["through"] = "; ".join(item.through)
    record["control"] = item.control.status if item.control is not None else None
    for names, part in ((_AVERAGE, record["average"]), (_CONSTANT, record["constant"])):
        record |= {name: None if part is None else part.get(source) for name, source in names.items()}
    record["constant_to"] = None if item.constant is None else figure(record["constant_to"])
    for prefix, place in (("", 0), ("second_", 1)):
        move = item.moves[place] if place < len(item.moves) else None
        record[f"{prefix}lever"] = move.lever if move else (DO_NOTHING if not prefix else None)
        record[f"{prefix}from"] = figure(move.before) if move else None
        record[f"{prefix}to"] = figure(move.after) if move else None
    return {name: record[name] for name in _COLUMNS}
