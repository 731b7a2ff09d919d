"""Which attributes were provably known before a decision, and their values as of a moment.

Hides the rule of evidence for columns that are not events: an attribute without a date is used only where its role
says that it was known before; one with a date counts from that date on.

Alternative considered: using every column of the customers table. A balance or a score recorded after the contact
then explains the purchase that it follows from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from graphrec.market.history import to_microseconds
from graphrec.market.tables import DataError, Market, Role
from ontology import Ontology, load_ontology

__all__ = ["DAY", "AttributeTable", "Attributes", "attribute_values", "sort_attributes"]

DAY = 86_400_000_000
"""Microseconds in a day."""
_NUMERIC = ("decimal", "integer", "floating", "mixed-integer-float", "boolean", "empty")


@dataclass(frozen=True)
class Attributes:
    """Attribute columns by what may be done with them.

    Attributes
    ----------
    before : tuple of str
        Known before the decision: usable as covariates.
    mediators, consequences : tuple of str
        Recorded after the contact by their class; only to be looked at.
    undated : tuple of str
        Classes that need a date and have none: left out.
    unmatched : tuple of str
        No role at all: left out.
    """

    before: tuple[str, ...]
    mediators: tuple[str, ...]
    consequences: tuple[str, ...]
    undated: tuple[str, ...]
    unmatched: tuple[str, ...]


def sort_attributes(market: Market) -> Attributes:
    """Decide for each attribute whether it was provably known before a decision (see `Attributes`).

    Raises
    ------
    OntologyError
        A role names a class that the ontology does not have; the message gives the closest ones.
    DataError
        A role names a class above all groups, which says nothing about time.
    """
    onto = load_ontology()
    found: dict[str, list[str]] = {"before": [], "mediators": [], "consequences": [], "undated": []}
    for column, role in market.roles.items():
        found[_kind(onto, market, column, role)].append(column)
    return Attributes(**{name: tuple(columns) for name, columns in found.items()}, unmatched=market.unmatched)


def _kind(onto: Ontology, market: Market, column: str, role: Role) -> str:
    """Field of `Attributes` that a column belongs to."""
    group = onto.group(role.class_name) if role.class_name is not None else "history"
    if group == "":
        raise DataError(f"the role of {column!r} is {role.class_name!r}, which is above all groups; be more exact")
    if group in ("mediator", "treatment"):
        return "mediators"
    if group in ("outcome", "consequence"):
        return "consequences"
    if group == "trait" or role.immutable or role.date_column is not None:
        return "before"
    # Price, category or stock of a product: a listing, not a trace of what customers did.
    listed = group == "context" and column not in market.customers.columns
    return "before" if listed else "undated"


def attribute_values(column: pd.Series) -> np.ndarray | pd.Categorical:
    """Numbers and truth values as float64, anything else as a category of texts; missing stays missing."""
    if pd.api.types.infer_dtype(column, skipna=True) in _NUMERIC:
        column = pd.to_numeric(column)  # DECIMAL columns, and numbers beside None, come as objects
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan))
    return pd.Categorical(column.astype("str").where(column.notna()).to_numpy(object))


@dataclass(frozen=True)
class AttributeTable:
    """Attributes of one table, ready for questions as of a time.

    Parameters
    ----------
    frame : pandas.DataFrame
        Customers or products; a row's position is its code.
    dates : mapping of str to str or None
        Attribute to the column with the moment it became known.
    """

    frame: pd.DataFrame
    dates: dict[str, str | None]
    _values: dict[str, np.ndarray | pd.Categorical] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, market: Market, frame: pd.DataFrame, columns: Iterable[str]) -> AttributeTable:
        """The columns that the frame has."""
        return cls(frame, {c: market.roles[c].date_column for c in columns if c in frame.columns})

    def at(self, name: str, codes: np.ndarray, times: np.ndarray) -> np.ndarray | pd.Categorical:
        """Values of an attribute for rows (code, time).

        A time, such as the first order, is its age in days at the row's time. Missing where the value is missing,
        or became known at the row's time or later.
        """
        column = self.frame[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            age = (times - self._microseconds(name)[codes]) / DAY
            values: np.ndarray | pd.Categorical = np.where((age > 0) & column.notna().to_numpy()[codes], age, np.nan)
        else:
            if name not in self._values:
                self._values[name] = attribute_values(column)
            values = self._values[name][codes]
        date_column = self.dates[name]
        return values if date_column is None else _mask(values, self._unknown(date_column, codes, times))

    def _unknown(self, date_column: str, codes: np.ndarray, times: np.ndarray) -> np.ndarray:
        undated = self.frame[date_column].isna().to_numpy()[codes]
        return np.asarray(undated | (self._microseconds(date_column)[codes] >= times))

    def _microseconds(self, name: str) -> np.ndarray:
        key = f"{name} in microseconds"
        if key not in self._values:
            self._values[key] = to_microseconds(self.frame[name])
        return np.asarray(self._values[key])


def _mask(values: np.ndarray | pd.Categorical, hidden: np.ndarray) -> np.ndarray | pd.Categorical:
    if isinstance(values, np.ndarray):
        return np.where(hidden, np.nan, values)
    return pd.Categorical.from_codes(np.where(hidden, -1, values.codes), dtype=values.dtype)
