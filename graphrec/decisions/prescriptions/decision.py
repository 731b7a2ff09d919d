"""A table seen from the moment of a decision: what comes before it, what it sets off, what it is for.

Hides where the table comes from. The search for levers needs columns with their places in time, not a market: a panel
has them, and so has any table whose columns have a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from graphrec.market.panel import Panel

__all__ = ["Decision"]

_LIFETIME = {
    "past_contacts": "past_contacts counts every contact so far: no pause takes one back",
    "offer_contacts": "offer_contacts counts every contact about the offer so far: no pause takes one back",
}


@dataclass(frozen=True, eq=False)
class Decision:
    """Columns of a table and their places in time.

    Attributes
    ----------
    variables : pandas.DataFrame, n rows
        The columns, without gaps.
    before : tuple of str
        Known when the decision is taken; levers are among them.
    between : tuple of str
        Set off by it, before the outcome.
    after : tuple of str
        Recorded after the outcome.
    outcome : str
        A number or 0 / 1.
    roles : mapping of str to str
        Column to ontology class.
    clusters : numpy.ndarray, shape (n,)
        Customer of each row.
    treatment, control : str
        The contact, which has an effect model of its own, and its level for none; empty where there is no contact.
    fixed : mapping of str to str
        Columns that an ontology calls levers and that are none here, with the reason.
    """

    variables: pd.DataFrame
    before: tuple[str, ...]
    between: tuple[str, ...]
    after: tuple[str, ...]
    outcome: str
    roles: Mapping[str, str]
    clusters: NDArray[Any]
    treatment: str = ""
    control: str = ""
    fixed: Mapping[str, str] | None = None

    @classmethod
    def of(cls, panel: Panel) -> Decision:
        """The decision about a contact and what goes with it, over the rows of a panel."""
        variables = panel.variables
        return cls(
            variables,
            panel.covariates,
            panel.mediators,
            panel.consequences,
            panel.outcome,
            {column: panel.roles[column] for column in variables.columns if column in panel.roles},
            panel.clusters,
            panel.treatment,
            panel.control,
            _LIFETIME if panel.offers is not None else {},
        )

    @property
    def given(self) -> tuple[str, ...]:
        """What a lever's effect may depend on: the columns before, and the contact."""
        return (*self.before, self.treatment) if self.treatment else self.before
