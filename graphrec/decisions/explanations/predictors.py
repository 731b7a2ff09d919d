"""Any model as a function from rows to numbers, with the columns behind each input.

Hides the faces of models: scikit-learn classifiers and regressors, LightGBM boosters, plain functions, and the effect
model of a recommender. Methods mix encoded rows (a matrix or a frame) and never look behind the function; only
`trees_of` tells whether exact tree values are possible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["Predictor", "class_groups", "column_groups", "contact_predictor", "mix_rows", "predictor_of", "trees_of"]

Floats = NDArray[np.float64]
Table = pd.DataFrame | Floats
Groups = Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model as explanations see it.

    Attributes
    ----------
    columns : tuple of str
        Columns of the frame that it reads.
    sources : tuple of str
        Column of the frame behind each encoded column.
    encode : callable
        Frame to encoded rows: a matrix, or the frame's columns.
    predict : callable
        Encoded rows to numbers, shape (rows,).
    scale : str
        Unit of the numbers.
    model : Any
        What is behind it.
    takes_gaps : bool
        Whether the encoding replaces missing values.
    """

    columns: tuple[str, ...]
    sources: tuple[str, ...]
    encode: Callable[[pd.DataFrame], Table]
    predict: Callable[[Any], Floats]
    scale: str = "prediction"
    model: Any = None
    takes_gaps: bool = False

    def table(self, frame: pd.DataFrame) -> Table:
        """Encoded rows of a frame.

        Raises
        ------
        DataError
            A column is missing, or holds gaps that the model was not trained for.
        """
        if not isinstance(frame, pd.DataFrame):
            raise DataError(f"rows to explain must be a DataFrame, not a {type(frame).__name__}")
        absent = [name for name in self.columns if name not in frame.columns]
        if absent:
            raise DataError(
                f"the rows lack {', '.join(map(repr, absent[:5]))}, which the model reads; they belong to another data "
                f"set or were selected away (there: {', '.join(map(str, list(frame.columns)[:8]))})"
            )
        used = frame[list(self.columns)]
        gaps = [name for name in self.columns if used[name].isna().any()]
        if gaps and not self.takes_gaps:
            raise DataError(
                f"{', '.join(map(repr, gaps[:5]))} hold(s) missing values; an explanation replaces values by those of "
                "other rows, and a gap is none: fill them, or leave the rows out"
            )
        return self.encode(used)

    def of(self, frame: pd.DataFrame) -> Floats:
        """Predictions of the rows of a frame."""
        return self.predict(self.table(frame))


def predictor_of(model: Any, columns: Sequence[str], target: Any = None) -> Predictor:
    """Wrap a model.

    Parameters
    ----------
    model : object with predict or predict_proba, or a function of a frame
        Classifiers are explained by the probability of a class.
    columns : sequence of str
        Columns that the model was trained on, in their order; a model that names them is believed instead.
    target : Any, optional
        Class whose probability is explained; the last one by default.

    Raises
    ------
    DataError
        The model cannot predict, or has no such class.
    """
    if isinstance(model, Predictor):
        return model
    names, by_name = _trained_on(model, tuple(map(str, columns)))
    ask: Callable[[Any], Any]
    if hasattr(model, "predict_proba"):
        place = _class_position(model, target)
        ask, scale = (lambda table: np.asarray(model.predict_proba(table))[:, place]), "probability"
    elif hasattr(model, "predict"):
        ask, scale = model.predict, "probability" if _objective(model) == "binary" else "prediction"
    elif callable(model):
        ask, scale, by_name = model, "prediction", True
    else:
        raise DataError(
            f"a {type(model).__name__} has neither predict nor predict_proba and is no function; give a fitted model"
        )

    def encode(frame: pd.DataFrame) -> Table:
        if by_name:
            return frame
        words = [str(name) for name, column in frame.items() if not pd.api.types.is_numeric_dtype(column)]
        if words:
            raise DataError(f"the model was trained on numbers, and {', '.join(words[:5])} hold(s) words; encode them")
        return frame.to_numpy(np.float64)

    def predict(table: Any) -> Floats:
        found = np.asarray(ask(table), dtype=np.float64)
        if found.size != len(table):
            raise DataError(f"the model gives {found.shape} numbers for {len(table)} rows; explain one output")
        return found.reshape(len(table))

    return Predictor(names, names, encode, predict, scale, model)


def _trained_on(model: Any, columns: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Columns a model reads, and whether it wants them by name: one trained on a matrix must not see names."""
    named = getattr(model, "feature_names_in_", None)
    if named is None and hasattr(model, "num_trees"):  # a LightGBM booster
        named = model.feature_name()
    if named is None or all(str(name).startswith("Column_") for name in named):
        return columns, False
    return tuple(str(name) for name in named), True


def _objective(model: Any) -> str:
    return str(getattr(model, "params", {}).get("objective", "")) if hasattr(model, "num_trees") else ""


def contact_predictor(model: Recommender, channel: str | None = None, what: str = "uplift") -> Predictor:
    """A recommender's effect model as a predictor of covariate rows.

    Parameters
    ----------
    model : Recommender
        Fitted.
    channel : str, optional
        The first one by default.
    what : {"uplift", "response", "appetite"}
        What the contact changes, P(Y given contact), or P(Y given none).

    Raises
    ------
    DataError
        Unknown channel or quantity.
    """
    from graphrec.learning.heads.registry import predict_quickly

    effects = model.effects
    chosen = channel if channel is not None else effects.channels[0]
    if chosen not in effects.channels:
        raise DataError(f"channel {chosen!r} was not learned; choose one of {', '.join(effects.channels)}")
    place = effects.channels.index(chosen)
    read = {
        "uplift": lambda found: found.uplift[:, place],
        "response": lambda found: found.p_contact[:, place],
        "appetite": lambda found: found.p_organic,
    }
    if what not in read:
        raise DataError(f"what is {what!r}; choose one of {', '.join(read)}")
    design = effects.design
    return Predictor(
        columns=tuple(dict.fromkeys(design.sources)),
        sources=design.sources,
        encode=lambda frame: design.transform(frame),
        predict=lambda matrix: np.asarray(read[what](predict_quickly(effects.model, matrix)), dtype=np.float64),
        scale="probability",
        model=effects.model,
        takes_gaps=True,
    )


def _class_position(model: Any, target: Any) -> int:
    classes = list(getattr(model, "classes_", []))
    if target is None:
        return -1
    if target not in classes:
        raise DataError(f"the model has no class {target!r}; its classes are {classes}")
    return classes.index(target)


def column_groups(predictor: Predictor, groups: Groups | None) -> dict[str, tuple[str, ...]]:
    """Groups of columns that are explained as one; every column that no group names is its own.

    Raises
    ------
    DataError
        A group names an unknown column, or two groups the same one.
    """
    found: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for name, members in (groups or {}).items():
        own = tuple(member for member in dict.fromkeys(members))
        strange = [member for member in own if member not in predictor.columns]
        if strange or seen.intersection(own):
            wrong = f"unknown {strange[0]!r}" if strange else f"{sorted(seen.intersection(own))[0]!r} in two groups"
            raise DataError(f"group {name!r} holds {wrong}; the model reads {', '.join(predictor.columns[:12])}")
        seen.update(own)
        if own:
            found[name] = own
    return found | {column: (column,) for column in predictor.columns if column not in seen}


def class_groups(columns: Sequence[str], roles: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Groups of columns of the same ontology class; a column without a class is its own group.

    Examples
    --------
    >>> class_groups(["spend_30", "spend_90", "age"], {"spend_30": "PastPurchase", "spend_90": "PastPurchase"})
    {'PastPurchase': ('spend_30', 'spend_90'), 'age': ('age',)}
    """
    found: dict[str, list[str]] = {}
    for column in columns:
        found.setdefault(roles.get(column, column), []).append(column)
    return {name: tuple(members) for name, members in found.items()}


def mix_rows(own: Table, other: Table, keep: NDArray[np.bool_], own_at: Any, other_at: Any) -> Table:
    """Rows that take some encoded columns from one table and the rest from another.

    Parameters
    ----------
    own, other : tables with the same columns
    keep : numpy.ndarray, shape (m, columns), bool
        True where the column comes from ``own``.
    own_at, other_at : numpy.ndarray, shape (m,), int
        Row of each table.
    """
    if isinstance(own, pd.DataFrame) and isinstance(other, pd.DataFrame):
        both = pd.concat([own, other], ignore_index=True)
        columns = {
            name: both.iloc[:, place].take(np.where(keep[:, place], own_at, len(own) + other_at)).array
            for place, name in enumerate(both.columns)
        }
        return pd.DataFrame(columns)
    mixed: Floats = np.where(keep, np.asarray(own)[own_at], np.asarray(other)[other_at])
    return mixed


def trees_of(predictor: Predictor) -> Any:
    """The LightGBM booster behind a predictor, or None: there exact values of the log-odds or prediction exist."""
    model = predictor.model
    booster = getattr(model, "booster_", model)
    if type(booster).__module__.startswith("lightgbm") and hasattr(booster, "num_trees"):
        return booster
    return None
