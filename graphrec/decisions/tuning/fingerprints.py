"""Recognise a study: what it was made of, so that it is never continued with something else.

Hides the hashing. Tables are hashed by content, so the same file read twice is the same and one changed price is not;
settings, space, cut in time and seed are compared as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.tables import TABLES, DataError, Market

__all__ = ["check_same", "print_market"]

_WORDS = {"data": "other data", "space": "another search space", "seed": "another seed", "goal": "another goal"}


def print_market(market: Market) -> dict[str, str]:
    """Hash of the content of each table, and of the roles and the time zone."""
    prints = {name: _hash_table(getattr(market, name)) for name in TABLES}
    meaning = json.dumps([market.time_zone, sorted((name, repr(role)) for name, role in market.roles.items())])
    return prints | {"meaning": hashlib.sha256(meaning.encode()).hexdigest()[:16]}


def _hash_table(table: pd.DataFrame) -> str:
    digest = hashlib.sha256(json.dumps([str(name) for name in table.columns]).encode())
    if len(table):
        digest.update(np.asarray(pd.util.hash_pandas_object(table.astype(str), index=False)).tobytes())
    return digest.hexdigest()[:16]


def check_same(stored: Mapping[str, Any], given: Mapping[str, Any], place: str) -> None:
    """Refuse to go on with a study that was made of something else.

    Raises
    ------
    DataError
        In one line: what differs.
    """
    other = [name for name in given if stored.get(name) != given[name]]
    if not other:
        return
    words = [_WORDS.get(name, f"other {name}") for name in other]
    tables = ""
    if "data" in other and isinstance(stored.get("data"), Mapping):
        changed = [name for name, value in given["data"].items() if stored["data"].get(name) != value]
        tables = f" ({', '.join(changed)} changed)"
    raise DataError(
        f"the study in {place} was made with {' and '.join(words)}{tables}; start a fresh one, or choose another folder"
    )
