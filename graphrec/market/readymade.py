"""Panels from tables somebody else made: an e-mail experiment, a call-centre extract.

Hides how roles alone decide what each column may be used for when no dates exist. The table is taken as what its
roles say it is: a column of a history class (for example Recency) is as of the contact. Identifiers are kept beside the
columns, so that scores can be joined to the table, and are no variable of any model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.attributes import attribute_values
from graphrec.market.tables import DataError
from graphrec.market.validation import as_pandas
from ontology import load_ontology

__all__ = ["IDENTIFIER", "panel_parts"]

IDENTIFIER = "customer_id"
"""Column with the identifier of each unit, in a panel and in a table of units."""

_BY_LOT = 0.95
"""Share of an arm's rows from which the arm counts as drawn by lot."""
_RESERVED = ("weight", "propensity", "randomised", "cluster", "value", IDENTIFIER)


def panel_parts(
    table: Any,
    treatment: str,
    outcome: str,
    roles: Mapping[str, str],
    control: object,
    weight: str | None,
    propensity: str | None,
    cluster: str | None,
    value: str | None,
    randomised: bool | str,
) -> dict[str, Any]:
    """Fields of a `Panel` except the names of treatment and outcome (see `Panel.from_frame`)."""
    extras = {"weight": weight, "propensity": propensity, "cluster": cluster, "value": value}
    extras |= {"randomised": randomised if isinstance(randomised, str) else None}
    frame = as_pandas("panel", table)
    _check(frame, treatment, outcome, roles, extras)
    groups = _groups(treatment, outcome, roles)
    columns = {name: _tidy(frame[name]) for names in groups.values() for name in names}
    constant = [name for name, column in columns.items() if column.nunique(dropna=False) < 2]
    groups = {group: tuple(name for name in names if name not in constant) for group, names in groups.items()}
    kept = [name for names in groups.values() for name in names]
    arms, control_level = _arms(frame[treatment], treatment, control)
    out = pd.DataFrame({name: columns[name] for name in kept}, index=frame.index)
    out[treatment] = arms
    out[outcome] = _numbers(frame[outcome], "outcome")
    out = pd.concat([out, pd.DataFrame(_extras(frame, outcome, extras), index=frame.index)], axis=1)
    if isinstance(randomised, bool):
        out["randomised"] = randomised
    out = out.assign(**_identifiers(frame, cluster))
    _check_lot(out["randomised"], arms)
    used = {treatment, outcome, *extras.values(), *roles, *({IDENTIFIER} & {*out.columns})}
    unmatched = [str(column) for column in frame.columns if column not in used]
    return {
        "frame": out,
        **groups,
        "roles": {**{name: roles[name] for name in kept}, **_own_roles(treatment, outcome, roles)},
        "control": control_level,
        "left_out": dict.fromkeys(unmatched, "no role: give its ontology class in roles")
        | dict.fromkeys(constant, "constant in this panel"),
        "counts": {"rows": len(frame), **_negatives(out[outcome])},
    }


def _identifiers(frame: pd.DataFrame, cluster: str | None) -> dict[str, pd.Series]:
    """Identifier of each unit, where a column gives every row its own; rows are named by position otherwise."""
    for name in dict.fromkeys(name for name in (IDENTIFIER, cluster) if name in frame.columns):
        if frame[name].notna().all() and not frame[name].duplicated().any():
            mixed = pd.api.types.infer_dtype(frame[name]).startswith("mixed")
            return {IDENTIFIER: frame[name].astype("str") if mixed else frame[name]}
    return {}


def _negatives(outcome: pd.Series) -> dict[str, int]:
    """How many outcomes are below zero, such as returned goods: they count as they are."""
    below = int((outcome < 0).sum())
    return {"outcome below zero": below} if below else {}


def _own_roles(treatment: str, outcome: str, roles: Mapping[str, str]) -> dict[str, str]:
    """Classes of treatment and outcome: as given, or contact and purchase."""
    return {treatment: roles.get(treatment, "Solicitation"), outcome: roles.get(outcome, "Purchase")}


def _check(
    frame: pd.DataFrame, treatment: str, outcome: str, roles: Mapping[str, str], extras: Mapping[str, str | None]
) -> None:
    """Refuse missing columns, gaps and clashes before anything is computed."""
    if not isinstance(roles, Mapping):
        raise DataError(f"roles is a {type(roles).__name__}; give a mapping of column to class, like {{'age': 'Age'}}")
    twice = [name for name in ("propensity", "weight") if extras[name] in roles]
    if twice:
        raise DataError(f"{extras[twice[0]]!r} is the {twice[0]} and has a role as well; take it out of roles")
    wanted = [treatment, outcome, *roles, *(name for name in extras.values() if name is not None)]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        found = ", ".join(map(str, frame.columns))
        raise DataError(f"the table lacks the column {', '.join(map(repr, missing))}; found {found}")
    if treatment == outcome:
        raise DataError(f"treatment and outcome are both {treatment!r}; name two columns")
    if frame.empty:
        raise DataError("the table has no rows")
    unknown = frame[outcome].isna()
    arms = frame[treatment][unknown].unique()
    if unknown.any() and not unknown[~frame[treatment].isin(arms)].any() and unknown[frame[treatment].isin(arms)].all():
        raise DataError(
            f"{outcome!r} is unknown in all rows of the arm {', '.join(map(str, arms[:3]))}: an outcome that is known "
            "for some arms only, like a redemption, has no uplift; use one that is recorded for everybody"
        )
    for name in (treatment, outcome):
        if frame[name].isna().any():
            raise DataError(f"{name!r} is missing in {int(frame[name].isna().sum()):,} rows; leave them out first")
    clash = sorted(set(_RESERVED) & {*roles, treatment, outcome})
    if clash:
        raise DataError(f"the column name {', '.join(clash)} is reserved; rename it")


def _arms(column: pd.Series, treatment: str, control: object) -> tuple[pd.Categorical, str]:
    """Treatment as a category with the control level first."""
    text = column.astype("str")
    levels = sorted(text.unique())
    if len(levels) < 2:
        raise DataError(f"treatment {treatment!r} has the single level {levels[0]!r}; an effect needs two arms")
    if control is None and len(levels) > 2:
        raise DataError(f"treatment {treatment!r} has the levels {', '.join(levels)}; say which one is control=")
    # 0 means the level 0.0 as well.
    same = text[(column == control) | (text == str(control))]
    if control is not None and same.empty:
        raise DataError(f"control {str(control)!r} is not a level of {treatment!r}; it has {', '.join(levels)}")
    chosen = levels[0] if control is None else str(same.iloc[0])
    ordered = [chosen, *(level for level in levels if level != chosen)]
    return pd.Categorical(text, categories=pd.Index(ordered)), chosen


def _groups(treatment: str, outcome: str, roles: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Columns by what their class allows."""
    onto = load_ontology()
    found: dict[str, list[str]] = {"covariates": [], "mediators": [], "consequences": []}
    for name, class_name in roles.items():
        group = "trait" if class_name == "immutable" else onto.group(class_name)
        if name in (treatment, outcome):
            continue
        if group == "":
            raise DataError(f"the role of {name!r} is {class_name!r}, which is above all groups; be more exact")
        if group in ("trait", "history", "context"):
            found["covariates"].append(name)
        else:
            found["mediators" if group in ("mediator", "treatment") else "consequences"].append(name)
    return {group: tuple(names) for group, names in found.items()}


def _extras(frame: pd.DataFrame, outcome: str, names: Mapping[str, str | None]) -> dict[str, np.ndarray]:
    """Weight, logged propensity, whether drawn by lot, cluster and value of each row."""
    n = len(frame)
    given = {key: frame[name] for key, name in names.items() if name is not None}
    weight = _numbers(given["weight"], "weight") if "weight" in given else np.ones(n)
    if not (weight > 0).all():
        raise DataError("weights must be above zero; leave rows out instead of giving them no weight")
    propensity = _numbers(given["propensity"], "propensity", gaps=True) if "propensity" in given else np.full(n, np.nan)
    outside = propensity[~np.isnan(propensity) & ~((propensity > 0) & (propensity <= 1))]
    if len(outside):
        shown = ", ".join(f"{p:g}" for p in outside[:3])
        raise DataError(f"propensity is a probability in (0, 1], found {shown}; give the chance of the arm received")
    cluster = pd.factorize(given["cluster"])[0] if "cluster" in given else np.arange(n)
    if (cluster < 0).any():
        raise DataError(f"cluster is missing in {int((cluster < 0).sum()):,} rows; give every row its customer")
    value = _numbers(given["value"] if "value" in given else frame[outcome], "value")
    drawn = _truths(given["randomised"]) if "randomised" in given else np.zeros(n, dtype=bool)
    return {"weight": weight, "propensity": propensity, "randomised": drawn, "cluster": cluster, "value": value}


def _check_lot(drawn: pd.Series, arms: pd.Categorical) -> None:
    """Refuse an arm drawn by lot beside a control that was not: their difference would be no experiment."""
    share = drawn.groupby(arms.codes).mean()
    arm = next((code for code in share.index if code > 0 and share[code] >= _BY_LOT > share.get(0, 1.0)), None)
    if arm is not None:
        raise DataError(
            f"randomised is true in {share[arm]:.0%} of the rows with {arms.categories[arm]!r} and in {share[0]:.0%} "
            f"of those with the control {arms.categories[0]!r}; a lot decides about both, so keep the rows that were "
            "in the draw"
        )


def _truths(column: pd.Series) -> np.ndarray:
    """True and false; a gap would leave open whether the arm was drawn by lot."""
    values = _numbers(column, "randomised")
    if not np.isin(values, (0.0, 1.0)).all():
        first = ", ".join(f"{value:g}" for value in np.unique(values)[:3])
        raise DataError(f"randomised {column.name!r} must be true or false in each row; first values: {first}")
    return np.asarray(values == 1.0)


def _numbers(column: pd.Series, meaning: str, gaps: bool = False) -> np.ndarray:
    """Finite numbers; missing ones only where ``gaps`` are allowed."""
    values = attribute_values(column)
    if not isinstance(values, np.ndarray) or np.isinf(values).any():
        wrong = column[column.notna() & ~np.isfinite(pd.to_numeric(column, errors="coerce").astype(float))]
        first = ", ".join(map(repr, (wrong if len(wrong) else column).unique()[:3].tolist()))
        raise DataError(f"{meaning} {column.name!r} must hold finite numbers, such as 0 and 1; first values: {first}")
    if not gaps and np.isnan(values).any():
        raise DataError(f"{meaning} {column.name!r} is missing in {int(np.isnan(values).sum()):,} rows")
    return values


def _tidy(column: pd.Series) -> pd.Series:
    """Numbers and truth values as float64, anything else as a category."""
    values = attribute_values(column)
    if isinstance(values, np.ndarray) and np.isinf(values).any():
        raise DataError(f"column {column.name!r} holds infinite values; replace them")
    return pd.Series(values, index=column.index)
