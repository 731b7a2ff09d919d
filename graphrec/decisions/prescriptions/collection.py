"""Prescriptions of many customers: as a table, by segment, against doing nothing and one action for all, in a budget.

Hides the order of the columns, how a file is written without ever being half written, and that means over customers
have an error that does not average out (`graphrec.decisions.prescriptions.ledger`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.prescriptions.ledger import Ledger
from graphrec.decisions.prescriptions.phrasing import figure
from graphrec.decisions.prescriptions.promises import DO_NOTHING, Prescription
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.decisions.prescriptions.budgeting import Budgeted

__all__ = ["OPTION_COLUMNS", "Prescriptions"]

OPTION_COLUMNS = (
    "customer_id", "offer", "lever", "from", "to", "effect", "low", "high", "cost", "net_value", "grade", "confirmed",
    "score", "row", "option",
)  # fmt: skip

_MOVE_COLUMNS = ("lever", "from", "to", "second_lever", "second_from", "second_to")
_FIGURES = ("effect", "low", "high", "level", "cost", "net_value", "net_low", "equation_effect")
_AVERAGE = {"average_effect": "effect", "average_low": "low", "average_high": "high", "average_n": "n",
            "overlap": "overlap"}  # fmt: skip
_CONSTANT = {"constant_lever": "lever", "constant_to": "to", "constant_net_value": "net_value"}
_SEGMENT_COLUMNS = (
    "segment", "customers", "acting", "lever", "lever_share", "effect", "low", "high", "cost", "net_value", "net_low",
    "net_high", "constant_lever", "constant_to", "constant_net_value",
)  # fmt: skip
_LAST = ("through", "grade", "reason", "control", "extrapolation", "delay_days", "consent", *_CONSTANT, "sentence")
_COLUMNS = ("customer_id", "offer", *_MOVE_COLUMNS, *_FIGURES, *_AVERAGE, *_LAST)


@dataclass(frozen=True, eq=False)
class Prescriptions:
    """Prescriptions of some customers.

    Attributes
    ----------
    items : tuple of Prescription
        In the order of the customers asked for.
    blocked : mapping of str to str
        Every column that is no lever, with the reason.
    options : pandas.DataFrame
        One row for each customer and possible move: customer_id, offer, lever, from, to, effect, low, high, cost,
        net_value, grade, confirmed (whether those who choose and those who promise both see a gain), score (what it was
        chosen by: the lower end of its net value), row and option (positions).
    ledger : Ledger or None
        What means over customers are read from.
    redraw : callable or None
        Items for other options: of an option for each customer (-1 for none), and the reason of those left out.
    """

    items: tuple[Prescription, ...]
    blocked: Mapping[str, str]
    options: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(OPTION_COLUMNS)), repr=False)
    ledger: Ledger | None = field(default=None, repr=False)
    redraw: Callable[[NDArray[np.int64], str], tuple[Prescription, ...]] | None = field(default=None, repr=False)

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

    def compare(self) -> pd.DataFrame:
        """Doing nothing, the best action that is the same for everybody, and the advice.

        Returns
        -------
        pandas.DataFrame
            Columns rule, lever, to, customers, acting (share), effect, low, high, cost, net_value, net_low, net_high:
            means per customer, those left alone counting as 0.

        Notes
        -----
        The constant action was chosen and promised on different customers, as the advice was.
        """
        rows = np.arange(len(self.items))
        ledger = self._ledger()
        constant = ledger.constant
        named = (constant.lever, figure(constant.to)) if constant is not None else (DO_NOTHING, None)
        rules = [
            ("do nothing", (DO_NOTHING, None), ledger.tally(rows, np.full(len(rows), -1))),
            ("best constant action", named, ledger.tally_constant(rows)),
            ("advice", ("by customer", None), ledger.tally(rows, self._chosen())),
        ]
        return pd.DataFrame(
            [
                {"rule": rule, "lever": lever, "to": to, "customers": len(rows), **asdict(tally)}
                for rule, (lever, to), tally in rules
            ]
        )

    def by_segment(self, segments: Mapping[Any, Any] | Sequence[Any]) -> pd.DataFrame:
        """Means of the advice by segment, beside the constant action.

        Parameters
        ----------
        segments : mapping of customer to segment, or sequence in the order of the items
            Customers without a segment are left out.

        Returns
        -------
        pandas.DataFrame
            Columns segment, customers, acting, lever (most advised), lever_share, effect, low, high, cost, net_value,
            net_low, net_high, constant_lever, constant_to, constant_net_value; segments in sorted order.
        """
        ledger, chosen = self._ledger(), self._chosen()
        if not isinstance(segments, Mapping) and len(segments) != len(self.items):
            raise DataError(
                f"{len(segments)} segments for {len(self.items)} customers; give one for each, or a mapping"
            )
        given = [segments.get(i.customer_id) for i in self.items] if isinstance(segments, Mapping) else list(segments)
        labels = pd.Series(given, dtype=object)
        constant = ledger.constant
        found = []
        for segment in sorted(labels.dropna().unique(), key=str):
            rows = np.flatnonzero((labels == segment).to_numpy())
            levers = pd.Series([self.items[row].lever for row in rows]).value_counts(normalize=True, sort=True)
            found.append(
                {
                    "segment": segment,
                    "customers": len(rows),
                    "lever": levers.index[0],
                    "lever_share": float(levers.iloc[0]),
                    **asdict(ledger.tally(rows, chosen[rows])),
                    "constant_lever": constant.lever if constant is not None else DO_NOTHING,
                    "constant_to": figure(constant.to) if constant is not None else None,
                    "constant_net_value": ledger.tally_constant(rows).net_value,
                }
            )
        return pd.DataFrame(found, columns=list(_SEGMENT_COLUMNS))

    def within(self, budget: float) -> Budgeted:
        """Choose who gets which confirmed move under a total budget; see `graphrec.decisions.prescriptions.budgeting`.

        Parameters
        ----------
        budget : float
            Money that all moves together may cost, at least 0.
        """
        from graphrec.decisions.prescriptions.budgeting import spend_within

        return spend_within(self, budget)

    def _ledger(self) -> Ledger:
        if self.ledger is None:
            raise DataError("these prescriptions hold no figures to add up; take them from graphrec.prescribe")
        return self.ledger

    def _chosen(self) -> NDArray[np.int64]:
        """Option of each item; -1 for doing nothing."""
        chosen = self._ledger().moves.chosen
        return np.where([bool(item.moves) for item in self.items], chosen, -1)

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
