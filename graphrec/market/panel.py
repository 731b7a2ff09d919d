"""The opportunity panel: one row for each (customer, offer, decision time), contacted or not.

Hides how a market's history becomes a table on which an effect can be estimated: which customers could have been
contacted at each decision time (the risk set), how controls are drawn from it with a known probability, which
columns were known before, and which came after. The estimand of every row is *this contact against none now, later
policy unchanged*.

Alternative considered: one row for each customer and period with all contacts as a vector. It makes the controls of
one offer the contacted of another, and no sampling weight is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.aftermath import AFTER, MEDIATORS, find_aftermath, find_outcomes
from graphrec.market.attributes import DAY
from graphrec.market.behaviour.panelcolumns import behaviour_among, chosen_features
from graphrec.market.covariates import Covariates
from graphrec.market.offers import OfferKind, Offers, make_offers
from graphrec.market.riskset import RiskSet, draw_risk_set
from graphrec.market.slots import read_slots
from graphrec.market.tables import DataError, Market
from graphrec.market.twins import twin_outcomes

__all__ = ["CONTROL", "Panel", "build_panel"]

CONTROL = "none"
"""Treatment level of a row that was not contacted."""


@dataclass(frozen=True, eq=False)
class Panel:
    """A causal table with every column's meaning.

    Build one with `graphrec.build_panel` from a market, or with `Panel.from_frame` from a ready-made table.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row for each opportunity: identifiers, treatment, outcome, value, weight, propensity (of the arm
        received, where it was logged), randomised (whether that arm was drawn by lot), cluster and the columns named
        below; slot (when on the day or week, missing for controls) where contacts have one.
    covariates, mediators, consequences : tuple of str
        Known before the decision; between contact and outcome; after. Models use covariates only.
    roles : mapping of str to str
        Column to ontology class, for every column of `variables`.
    treatment, outcome, control : str
        Treatment column, outcome column (within the horizon), and the treatment level that means "no contact".
    horizon_days : int or None
        Length of the outcome window.
    left_out : mapping of str to str
        Column to the reason why it is in no model.
    counts : mapping of str to int
        What happened on the way: solicitations without an offer, outside the observed time, not eligible, ...
    offers : Offers or None
        What the offer codes mean; None for a ready-made table.
    """

    frame: pd.DataFrame
    covariates: tuple[str, ...]
    mediators: tuple[str, ...]
    consequences: tuple[str, ...]
    roles: Mapping[str, str]
    treatment: str = "treatment"
    outcome: str = "outcome"
    control: str = CONTROL
    horizon_days: int | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    offers: Offers | None = None

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        treatment: str,
        outcome: str,
        roles: Mapping[str, str],
        control: object = None,
        weight: str | None = None,
        propensity: str | None = None,
        cluster: str | None = None,
        value: str | None = None,
        slot: str | None = None,
        randomised: bool | str = False,
    ) -> Panel:
        """Panel of a ready-made table, one row for each unit, such as an e-mail experiment.

        Parameters
        ----------
        frame : dataframe
            Units in rows; pandas, polars, Arrow or a DuckDB relation.
        treatment, outcome : str
            Column of the arm each unit got; column of the outcome (0/1 or a number).
        roles : mapping of str to str
            Column to ontology class, or ``"immutable"``. The class decides whether a column is a covariate, a mediator
            or a consequence; a column without a role stays out and is listed in `left_out`.
        control : object, optional
            Level of ``treatment`` that means no contact; by default the smallest of two levels.
        weight, propensity, cluster, value : str, optional
            Columns with the sampling weight, the logged probability of the arm received, the unit that repeats
            (customer), and the money of the outcome. Scores name units by the column ``customer_id``, else by
            ``cluster``, where every row has a value of its own there; where customers repeat, by position.
        slot : str, optional
            Column with the slot of each contact; what it says of units without contact is not used.
        randomised : bool or str
            Whether the arm was drawn by lot, for all rows, or the column that says so. Nothing in a table can prove
            it, so it is said and not guessed; advice through an arm drawn by lot is graded A.

        Raises
        ------
        DataError
            A column is missing, the treatment has one level, the outcome is missing somewhere, a propensity is
            outside (0, 1], or ``randomised`` is neither true nor false in a row.
        OntologyError
            A role names an unknown class; the message gives the closest ones.

        Examples
        --------
        >>> table = pd.DataFrame({"arm": ["mail", "none"] * 2, "visit": [1, 0, 1, 1], "recency": [3, 9, 1, 6]})
        >>> Panel.from_frame(table, treatment="arm", outcome="visit", control="none", roles={"recency": "Recency"})
        Panel(4 rows, 2 contacted, 1 covariates, channels mail)
        """
        from graphrec.market.readymade import panel_parts
        from graphrec.market.validation import as_pandas

        parts = panel_parts(frame, treatment, outcome, roles, control, weight, propensity, cluster, value, randomised)
        panel = cls(treatment=treatment, outcome=outcome, **parts)
        return panel if slot is None else panel._with_slot(as_pandas("of units", frame), slot)

    @property
    def variables(self) -> pd.DataFrame:
        """Columns for discovery: covariates, treatment, mediators, consequences, outcome; no identifiers.

        Missing numbers are replaced by the column's median (0 where all are missing) and missing words by the level
        ``"missing"``.
        """
        names = [*self.covariates, self.treatment, *self.mediators, *self.consequences, self.outcome]
        return pd.DataFrame({name: _complete(self.frame[name]) for name in dict.fromkeys(names)})

    @property
    def weights(self) -> np.ndarray:
        """Sampling weight of each row: how many rows of the risk set it stands for."""
        return self.frame["weight"].to_numpy(np.float64)

    @property
    def clusters(self) -> np.ndarray:
        """Customer of each row; folds, bootstraps and standard errors respect them."""
        return self.frame["cluster"].to_numpy()

    @property
    def channels(self) -> tuple[str, ...]:
        """Treatment levels other than the control."""
        levels = self.frame[self.treatment].cat.categories
        return tuple(str(level) for level in levels if str(level) != self.control)

    @property
    def slots(self) -> tuple[str, ...]:
        """Slots of the contacted rows, the most used first; empty where none is known."""
        if "slot" not in self.frame.columns:
            return ()
        counts = self.frame["slot"][self.contacted].value_counts()
        return tuple(sorted(map(str, counts.index[counts > 0]), key=lambda name: (-counts[name], name)))

    @property
    def behaviour(self) -> tuple[str, ...]:
        """Variables of behaviour among the covariates, under their names in `graphrec.market.features.FEATURES`."""
        return behaviour_among(self.covariates)

    @cached_property
    def contacted(self) -> np.ndarray:
        """True where the row was contacted."""
        return (self.frame[self.treatment].astype(str) != self.control).to_numpy()

    def with_covariates(self, columns: pd.DataFrame, roles: Mapping[str, str]) -> Panel:
        """A new panel with more covariates, for example features of the purchase graph.

        Raises
        ------
        DataError
            Wrong number of rows, a column without a role, or one that would overwrite something else.
        """
        if len(columns) != len(self.frame):
            raise DataError(f"the new columns have {len(columns):,} rows, the panel {len(self.frame):,}")
        unknown = [name for name in columns.columns if name not in roles]
        if unknown:
            raise DataError(f"give the ontology class of {', '.join(map(repr, unknown))} in roles")
        taken = [name for name in columns.columns if name in self.frame.columns and name not in self.covariates]
        if taken:
            raise DataError(f"the panel has the column {', '.join(map(repr, taken))} already; rename the new one")
        frame = self.frame.assign(**{name: columns[name].to_numpy() for name in columns.columns})
        covariates = tuple(dict.fromkeys([*self.covariates, *columns.columns]))
        return replace(self, frame=frame, covariates=covariates, roles={**self.roles, **roles})

    def _with_slot(self, given: pd.DataFrame, name: str) -> Panel:
        if name not in given.columns:
            raise DataError(f"the table has no column {name!r}, which slot= names; it has {', '.join(given.columns)}")
        known = self.contacted & given[name].notna().to_numpy()
        return replace(self, frame=self.frame.assign(slot=pd.Categorical(given[name].astype("str").where(known))))

    def take(self, rows: np.ndarray) -> Panel:
        """The panel of some rows (a mask or positions)."""
        frame = self.frame[rows] if rows.dtype == bool else self.frame.iloc[rows]
        return replace(self, frame=frame.reset_index(drop=True))

    def __repr__(self) -> str:
        return (
            f"Panel({len(self.frame):,} rows, {int(self.contacted.sum()):,} contacted, "
            f"{len(self.covariates)} covariates, channels {', '.join(self.channels)})"
        )


def _complete(column: pd.Series) -> pd.Series:
    """The column without gaps."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        if column.isna().any() and "missing" not in column.cat.categories:
            column = column.cat.add_categories("missing")
        return column.fillna("missing").cat.remove_unused_categories()
    return column.fillna(column.median()).fillna(0.0) if column.isna().any() else column


def build_panel(
    market: Market,
    *,
    offer: OfferKind | str = "product",
    horizon_days: int = 28,
    controls_per_contact: int | None = 4,
    minimum_history_days: int | None = None,
    shift_days: int = 0,
    slots: str = "recorded",
    behaviour: str | Sequence[str] = "none",
    rng: int | np.random.Generator | None = None,
) -> Panel:
    """Opportunity panel of a market.

    Parameters
    ----------
    market : Market
        The history.
    offer : {"product", "category", "campaign", "auto"}
        What a contact is about.
    horizon_days : int
        Outcome window after the decision, in days.
    controls_per_contact : int or None
        Controls drawn for each contact from the risk set of the same day and offer, with their sampling weight;
        None keeps the whole risk set.
    minimum_history_days : int, optional
        Decisions earlier than this after the first record are left out, for nothing is known before them; by default
        the horizon.
    shift_days : int
        Moves every covariate and outcome this many days into the past while the contacts stay: the placebo panel
        (an effect found there cannot be real).
    slots : {"recorded", "derived", "none"}
        Where the slot of a contact comes from; see `graphrec.market.slots.read_slots`.
    behaviour : {"none", "all"} or sequence of str
        Variables of `graphrec.market.features.FEATURES` that join the covariates, as of each row's decision time. None
        by default: many say the same, and what is a function of other columns misleads a search for causes. Choose
        those that `graphrec.market.behaviour.featureranking.rank_features` finds.
    rng : int, Generator or None
        Seed for the draw of controls.

    Returns
    -------
    Panel

    Raises
    ------
    DataError
        No solicitation can be used (with the counts of why), or no event can be the outcome.

    Notes
    -----
    Assumes that a customer's outcome depends on the customer's own contacts only (no spill-over between customers)
    and that everything that drove both contact and outcome is among the covariates; without the first the controls
    are partly treated, without the second the difference is not an effect.
    """
    history = horizon_days if minimum_history_days is None else minimum_history_days
    _check_request(horizon_days, controls_per_contact, history, shift_days)
    offers = make_offers(market, offer)
    covariates = Covariates(market, offers, chosen_features(behaviour))
    attributes = covariates.attributes  # a wrong role is told before anything is counted
    horizon = horizon_days * DAY
    risk_rng, twin_rng = np.random.default_rng(rng).spawn(2)
    risk = draw_risk_set(market, offers, horizon_days, history + shift_days, controls_per_contact, risk_rng)
    times = risk.times - shift_days * DAY
    rows = pd.concat(
        [_identify_rows(market, risk, times, slots), find_outcomes(market, offers, risk, times, horizon)], axis=1
    )
    if not (rows["outcome"] > 0).any():
        raise DataError(
            "nobody bought a contacted offer within the horizon, so there is no outcome to learn from; use a longer "
            "horizon_days or a coarser offer, such as offer='category'"
        )
    rows["twin_outcome"] = twin_outcomes(market, offers, risk, times, horizon, twin_rng)
    before, never = _varying(covariates.at(risk.customers, risk.offers, times))
    after, same = _varying(find_aftermath(market, attributes, risk, times, horizon))
    _check_names(rows.columns, before.columns, after.columns)
    mediators = [c for c in after.columns if c in MEDIATORS or c in attributes.mediators]
    return Panel(
        frame=pd.concat([rows, before, after], axis=1),
        covariates=tuple(before.columns),
        mediators=tuple(mediators),
        consequences=tuple(c for c in after.columns if c not in mediators),
        roles=_roles(market, covariates, before.columns, after.columns),
        horizon_days=horizon_days,
        left_out=dict.fromkeys([*never, *same], "constant in this panel") | _left_out(covariates),
        counts=risk.counts,
        offers=offers,
    )


def _check_request(horizon: int, per_contact: int | None, history: int, shift: int) -> None:
    """Refuse numbers that mean nothing."""
    if horizon < 1:
        raise DataError(f"horizon_days is {horizon}; use at least one day")
    if per_contact is not None and per_contact < 1:
        raise DataError(f"controls_per_contact is {per_contact}; use 1 or more, or None for everybody")
    for name, days in (("minimum_history_days", history), ("shift_days", shift)):
        if days < 0:
            raise DataError(f"{name} is {days}; use zero or more days")


def _varying(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Columns that vary, and the names of those that do not."""
    same = [str(name) for name in frame.columns if frame[name].nunique(dropna=False) < 2]
    return frame.drop(columns=same), same


def _check_names(*groups: Iterable[str]) -> None:
    """Refuse an attribute with the name of one of the panel's own columns."""
    names = pd.Index([name for group in groups for name in group])
    twice = sorted(set(names[names.duplicated()]))
    if twice:
        raise DataError(f"the attribute {', '.join(twice)} has the name of a column of the panel; rename it")


def _left_out(covariates: Covariates) -> dict[str, str]:
    """Attributes in no model, with the reason."""
    attributes = covariates.attributes
    undated = "its class changes over time and it has no date: name the date column in roles"
    of_products = f"describes products, and the offers are of the kind {covariates.offers.kind}"
    aside = [c for c in attributes.before if c not in covariates.roles]
    return (
        dict.fromkeys(attributes.unmatched, "no role: give its ontology class in roles")
        | dict.fromkeys(attributes.undated, undated)
        | dict.fromkeys(aside, of_products)
    )


def _identify_rows(market: Market, risk: RiskSet, times: np.ndarray, slots: str) -> pd.DataFrame:
    """Who, what, when, contacted how and in which slot, with which weight and logged probability."""
    channels = pd.Index([CONTROL, *map(str, market.vocabulary.channels.ids)])
    rows = risk.solicitations
    contacted = rows >= 0
    logged = market.solicitations["propensity"].to_numpy(np.float64)
    randomised = market.solicitations["randomised"].to_numpy(bool)
    channel = np.where(contacted, market.codes("solicitations", "channel")[rows] + 1, 0)
    slot = pd.Categorical(read_slots(market, slots).to_numpy(object))[rows]
    slot = pd.Categorical.from_codes(np.where(contacted, slot.codes, -1), dtype=slot.dtype).remove_unused_categories()
    return pd.DataFrame(
        {
            "customer": risk.customers,
            "offer": risk.offers,
            "decided_at": pd.DatetimeIndex(times.astype("datetime64[us]")).tz_localize("UTC"),
            "treatment": pd.Categorical.from_codes(channel, categories=channels).remove_unused_categories(),
            "weight": risk.weights,
            "propensity": np.where(contacted, logged[rows], np.nan),
            "randomised": np.where(contacted, randomised[rows], False),
            "cluster": risk.customers,
            **({"slot": slot} if len(slot.categories) else {}),
        }
    )


def _roles(market: Market, covariates: Covariates, before: Iterable[str], after: Iterable[str]) -> dict[str, str]:
    """Ontology class of every column of `Panel.variables`."""
    known = {name: covariates.roles[name] for name in before}
    later = {name: AFTER[name][1] if name in AFTER else str(market.roles[name].class_name) for name in after}
    return {**known, **later, "treatment": "Solicitation", "outcome": "Purchase"}
