"""Lever moves with a contact among them: structural equations for the levers, the effect model for the contact.

Hides the join of two kinds of evidence behind the face that `search_moves` looks at:

    E[Y | do(m, c)] = E[Y | do(m, no contact)] by the equations + uplift of channel c at the moved covariates

The effect of a contact is never read off structural equations: the effect model was adjusted, checked on a negative
control and has an interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.prescriptions.weighing import Weighed, Weighing
from graphrec.learning.effects import EffectModel
from graphrec.market.panel import Panel

__all__ = ["ContactModel", "Gaps"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ContactModel:
    """A `Responder` for rows (customer, offer) of one panel.

    Attributes
    ----------
    base : Weighing or None
        What follows from the other levers; None where there is none, and then the contact alone can be moved.
    effects : EffectModel
        Effect of a contact by channel.
    panel : Panel
        Names of treatment, control and outcome.
    usual : numpy.ndarray, shape (n, 1 + channels)
        For each row of the frame searched, 1 where it may get the level (control first) and 0 where it may not.
    gaps : Gaps
        What stands in for a gap in the equations.
    """

    base: Weighing | None
    effects: EffectModel
    panel: Panel
    usual: Floats
    gaps: Gaps

    @property
    def order(self) -> tuple[str, ...]:
        """Columns needed."""
        base = () if self.base is None else self.base.order
        names = dict.fromkeys([*self.effects.design.sources, *base])
        last = (self.panel.treatment, self.panel.outcome)
        return (*(name for name in names if name not in last), *last)

    @property
    def kinds(self) -> Mapping[str, Any]:
        """Kind of each node that may be moved or asked about."""
        own = {} if self.base is None else dict(self.base.kinds)
        return {**own, self.panel.treatment: "category", self.panel.outcome: "binary"}

    @property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """Levels of the categories."""
        own = {} if self.base is None else dict(self.base.levels)
        return {**own, self.panel.treatment: (self.panel.control, *self.effects.channels)}

    @property
    def equations(self) -> Mapping[str, Any]:
        """Equations that say what is usual for a row; of the contact, what is possible."""
        own = {} if self.base is None else dict(self.base.equations)
        return {**own, self.panel.treatment: _Possible(self.usual)}

    @property
    def exogenous(self) -> pd.DataFrame:
        """Values of the nodes without parents."""
        return pd.DataFrame() if self.base is None else self.base.exogenous

    def descendants(self, columns: Any) -> tuple[str, ...]:
        """What a move changes; a contact always reaches the outcome."""
        if columns == self.panel.treatment:
            return (self.panel.outcome,)
        return () if self.base is None else self.base.descendants(columns)

    def do(self, frame: pd.DataFrame, moves: Mapping[str, Any]) -> pd.DataFrame:
        """The frame after the moves, with the probability of the outcome."""
        everyone = np.arange(len(frame))
        moved = {name: np.broadcast_to(np.asarray(values), (len(frame),)) for name, values in moves.items()}
        found = self.weigh(frame, moved, everyone, {})
        return frame.assign(**moved, **{self.panel.outcome: found.before + found.change})

    def weigh(
        self,
        frame: pd.DataFrame,
        moves: Mapping[str, NDArray[Any]],
        rows: NDArray[np.int64],
        held: Mapping[str, NDArray[Any]],
    ) -> Weighed:
        """Outcome without contact, the change by the moves, and the doubt of contact and other levers together."""
        treatment, control = self.panel.treatment, self.panel.control
        others = {column: values for column, values in moves.items() if column != treatment}
        part = frame.iloc[rows].assign(**others)
        uplift, doubt = self._uplift(
            part, np.broadcast_to(np.asarray(moves.get(treatment, control)).astype(str), len(rows))
        )
        if self.base is None or not others:
            distinct, back = np.unique(rows, return_inverse=True)
            start = self._without_contact(frame.iloc[distinct], {n: v[distinct] for n, v in held.items()})[back]
            return Weighed(start, uplift, doubt)
        filled = self.gaps.fill(frame)
        found = self.base.weigh(filled, others, rows, {**held, treatment: np.full(len(frame), control)})
        return Weighed(found.before, found.change + uplift, np.hypot(found.doubt, doubt))

    def _without_contact(self, frame: pd.DataFrame, held: Mapping[str, NDArray[Any]]) -> Floats:
        """Expected outcome of rows as they are, nobody contacted."""
        if self.base is None:
            return np.asarray(self.effects.model.predict(self.effects.design.transform(frame)).p_organic)
        fixed: dict[str, Any] = {**held, self.panel.treatment: self.panel.control}
        start = self.gaps.fill(frame).assign(**fixed)
        return self.base.surface.mean(self.base.surface.bends.units(start))

    def _uplift(self, raw: pd.DataFrame, channel: NDArray[Any]) -> tuple[Floats, Floats]:
        """Effect of each row's channel and its standard error; 0 without contact, and where the method gives none."""
        uplift, doubt = np.zeros(len(raw)), np.zeros(len(raw))
        contacted = np.flatnonzero(channel != self.panel.control)
        if len(contacted):
            matrix = self.effects.design.transform(raw.iloc[contacted])
            response = self.effects.doubted(self.effects.model.predict(matrix), matrix)
            place = pd.Index(self.effects.channels).get_indexer(pd.Index(channel[contacted]))
            own = np.arange(len(contacted)), place
            uplift[contacted], doubt[contacted] = response.uplift[own], np.nan_to_num(response.se[own])
        return uplift, doubt


@dataclass(frozen=True, eq=False)
class _Possible:
    """What each row of the frame may get, in the form of a category's equation."""

    share: Floats

    def mean(self, frame: pd.DataFrame) -> Floats:
        """One number for each row and level; the frame's index is the row's position."""
        return np.asarray(self.share[frame.index.to_numpy()])


@dataclass(frozen=True, eq=False)
class Gaps:
    """What stands in for a gap, or for a word never seen, so that equations fitted on `Panel.variables` apply.

    Attributes
    ----------
    medians : mapping of str to float
        Of the number columns.
    words : mapping of str to (known words, word for the others)
        Of the category columns.
    """

    medians: Mapping[str, float]
    words: Mapping[str, tuple[frozenset[str], str]]

    @classmethod
    def of(cls, panel: Panel, columns: Iterable[str]) -> Gaps:
        """Learn the stand-ins of some columns of a panel."""
        medians, words = {}, {}
        for name in columns:
            known = panel.frame[name]
            if isinstance(known.dtype, pd.CategoricalDtype):
                seen = known.astype("str").where(known.notna(), "missing")
                words[name] = (frozenset(seen.unique()), str(seen.mode().iloc[0]))
            else:
                medians[name] = float(known.median()) if known.notna().any() else 0.0
        return cls(medians, words)

    def fill(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame without gaps; columns that are not listed stay as they are."""
        filled: dict[str, Any] = {
            name: frame[name].astype(np.float64).fillna(median)
            for name, median in self.medians.items()
            if name in frame.columns
        }
        for name, (seen, usual) in self.words.items():
            if name in frame.columns:
                words = frame[name].astype("str").where(frame[name].notna(), "missing")
                filled[name] = words.where(words.isin(list(seen)), usual)
        return frame.assign(**filled)
