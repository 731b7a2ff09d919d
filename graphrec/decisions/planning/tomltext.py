"""A policy's plain values as TOML: the reader is in the standard library, a writer is not.

Hides the few forms that rules have: numbers, texts, truth values, lists, tables and lists of tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["write_toml"]

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")


def write_toml(values: Mapping[str, Any]) -> str:
    """Text of a TOML file; what is None is left out.

    Examples
    --------
    >>> print(write_toml({"budget": 5.0, "windows": [{"days": 7}], "channel_capacity": {"call": 3}}), end="")
    budget = 5.0
    <BLANKLINE>
    [[windows]]
    days = 7
    <BLANKLINE>
    [channel_capacity]
    call = 3
    """
    plain = [f"{_key(name)} = {_value(value)}" for name, value in values.items() if _is_plain(value)]
    parts = ["\n".join(plain)] if plain else []
    for name, value in values.items():
        if isinstance(value, Mapping):
            parts += _table(_key(name), value)
        elif isinstance(value, list) and not _is_plain(value):
            parts += ["\n".join([f"[[{_key(name)}]]", *_lines(table)]) for table in value]
    return "\n\n".join(parts) + "\n"


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    own = "\n".join([f"[{name}]", *_lines({k: v for k, v in values.items() if not isinstance(v, Mapping)})])
    inner = [part for k, v in values.items() if isinstance(v, Mapping) for part in _table(f"{name}.{_key(k)}", v)]
    return inner if inner and own == f"[{name}]" else [own, *inner]


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in values.items() if value is not None]


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(part, Mapping) for part in value)
    return value is not None and not isinstance(value, Mapping)


def _key(name: str) -> str:
    return name if _BARE.match(name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(part) for part in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
