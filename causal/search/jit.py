"""Compile inner loops with numba, and keep what was compiled.

Hides where compiled code is kept: beside the module, or in the user's cache when the package is installed where
nobody may write, or only in memory when there is no such place either. Modules that use it import the compiler
(half a second), so they are themselves imported where their loop is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Return a function of arrays and numbers as machine code, compiled at its first call on this machine."""
    try:
        ready: Any = njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no folder to keep it in
        ready = njit(nogil=True, error_model="numpy")(function)
    return cast(Function, ready)
