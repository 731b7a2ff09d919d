"""Which column of a file is what, and how the file is written.

Hides the two ways to say it: the marketplace format, whose nine columns are known, and any other CSV or Parquet file
described by the ``[tables.events]`` section of a ``market.toml``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from graphrec.market.manifest import did_you_mean, read_manifest
from graphrec.market.tables import DataError

__all__ = ["EventFormat"]

_MARKETPLACE = {
    "event_time": "event_time",
    "event_type": "event_type",
    "product_id": "product_id",
    "category_id": "category_id",
    "category": "category_code",
    "brand": "brand",
    "price": "price",
    "customer_id": "user_id",
    "session_id": "user_session",
}
_READ = (*_MARKETPLACE, "quantity", "stock")
_REQUIRED = ("event_time", "event_type", "customer_id", "product_id")


@dataclass(frozen=True)
class EventFormat:
    """How files of events are written; by default the marketplace format.

    Attributes
    ----------
    columns : mapping of str to str
        Our name to the file's: event_time, event_type, customer_id and product_id must be there; session_id, price,
        category, category_id, brand, quantity and stock may.
    delimiter : str
        Between the fields of a CSV file.
    encoding : str
        Encoding of a CSV file.
    decimal : str
        Decimal mark of prices.
    naive_zone : str
        Zone of clocks that name none.
    """

    columns: Mapping[str, str] = field(default_factory=lambda: dict(_MARKETPLACE))
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    naive_zone: str = "UTC"

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in _READ:
                raise DataError(f"events have no column {name!r}{did_you_mean(name, _READ)} Known: {', '.join(_READ)}")
        missing = [name for name in _REQUIRED if name not in self.columns]
        if missing:
            raise DataError(f"events need {', '.join(missing)}; name the file's columns for {', '.join(_REQUIRED)}")

    @classmethod
    def from_manifest(cls, path: str | Path) -> tuple[EventFormat, str]:
        """Read the format of table events, and the time zone of the days, from a ``market.toml``.

        Columns without an entry of their own keep their names.

        Raises
        ------
        DataError
            The manifest is not valid, has no table events, or describes it by a query.
        """
        manifest = read_manifest(path, required=("events",))
        source = manifest.tables["events"]
        if source.query is not None:
            raise DataError(
                "market.toml [tables.events] has a query; files that come in one by one need file and columns"
            )
        return cls(
            columns={name: source.columns.get(name, name) for name in (*_REQUIRED, *source.columns)},
            delimiter=manifest.csv.delimiter or ",",
            encoding=manifest.csv.encoding,
            decimal=manifest.csv.decimal,
            naive_zone="UTC" if source.naive_times == "UTC" else manifest.time_zone,
        ), manifest.time_zone

    @property
    def digest(self) -> str:
        """Short hash of the format: work begun under another one is not continued."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def check_header(self, found: Sequence[str], file: str) -> None:
        """Refuse a header that lacks a column or names one twice; the order is free and further columns are ignored.

        Raises
        ------
        DataError
            Names what is missing, what was found, and the likely delimiter.
        """
        twice = sorted({name for name in self.columns.values() if found.count(name) > 1})
        if twice:
            raise DataError(f"{file} has the column {twice[0]!r} twice; found: {', '.join(found)}")
        missing = [name for name in self.columns.values() if name not in found]
        if missing:
            raise DataError(
                f"{file} has no column {missing[0]!r}{did_you_mean(missing[0], found)}{self._delimiter_hint(found)} "
                f"Missing: {', '.join(missing)}. Found: {', '.join(found)[:300]}"
            )

    def _delimiter_hint(self, found: Sequence[str]) -> str:
        for sign in ",;\t|":
            if sign != self.delimiter and len(found) == 1 and found[0].count(sign) >= len(self.columns) - 1:
                return (
                    f" Fields seem to be separated by {sign!r}, not {self.delimiter!r}: say so in market.toml, [csv]."
                )
        return ""
