"""Compile inner loops with numba, and keep what was compiled.

Hides where compiled code is kept: beside the module, or in the user's cache when the package is installed where
nobody may write, or only in memory when there is no such place either. Hides too when it is out of date: numba compares
it with the file of the function alone, although the functions of other files that it calls are compiled into it.
Modules that use it import the compiler (half a second), so they are themselves imported where their loop is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., object])

_newest: dict[Path, float] = {}
"""When the compiled functions of a file, or any that they call, were last changed."""


def compiled(function: Function) -> Function:
    """Return a function of arrays and numbers as machine code, compiled at its first call on this machine."""
    try:
        ready: Any = njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no folder to keep it in
        ready = njit(nogil=True, error_model="numpy")(function)
    else:
        _forget_older(function, Path(ready.stats.cache_path))
    return cast(Function, ready)


def _forget_older(function: Callable[..., object], folder: Path) -> None:
    """Remove the kept code of a function's file once a compiled function of another file that it calls has changed."""
    file = Path(function.__code__.co_filename)
    used = {Path(one.py_func.__code__.co_filename) for one in function.__globals__.values() if hasattr(one, "py_func")}
    newest = max((_newest.get(other, 0.0) for other in used - {file}), default=0.0)
    if file in _newest and newest <= _newest[file]:
        return
    with suppress(OSError):  # a source inside an archive has no date, and code kept by another user stays
        _newest[file] = max(newest, file.stat().st_mtime)
        for kept in folder.glob(f"{file.stem}.*.nbi"):
            if kept.stat().st_mtime < newest:
                kept.unlink(missing_ok=True)
