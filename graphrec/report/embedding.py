"""Data and scripts inside an HTML page, without a way out of their element.

Hides escaping: in a script element HTML entities are not read, so ``</script>`` in a product's name would end it.
Every character that can end an element or a line is written as a JSON escape instead.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

__all__ = ["content_policy", "read_asset", "script_json", "vendored_script"]

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_HERE = Path(__file__).parent


def script_json(value: Any) -> Markup:
    """JSON that may stand in a script element; what JSON does not know (NaN, infinity) becomes null.

    Examples
    --------
    >>> str(script_json({"id": "</script>"}))
    '{"id":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup("".join(_ESCAPES.get(letter, letter) for letter in text))


def read_asset(name: str) -> Markup:
    """Style sheet or script of this package, as it stands."""
    text = (_HERE / "templates" / name).read_text(encoding="utf-8")
    return _inside_element(text, name)


@cache
def vendored_script(name: str) -> Markup:
    """Vendored script. Addresses in its comments lose their scheme: a report names no outside address."""
    text = (_HERE / "vendor" / name).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", lambda comment: re.sub(r"https?://", "", comment.group()), text, flags=re.DOTALL)
    return _inside_element(text, name)


def content_policy(scripts: list[Markup]) -> str:
    """Content security policy of a page that may load nothing and run only these scripts."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _inside_element(text: str, name: str) -> Markup:
    if re.search(r"</(script|style)", text, re.IGNORECASE):
        raise ValueError(f"{name} holds a closing tag and cannot be written into a page")
    return Markup(text.replace("\r\n", "\n").strip())


def _plain(value: Any) -> Any:
    """Values that JSON knows, inside out."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)
