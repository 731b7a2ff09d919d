"""A folder with one JSON file and one safetensors file that always belong together.

Hides how a save interrupted at any point leaves the previous one readable: the tensors are written under a name made
from their content, the JSON that names them is replaced last, and only then are older tensors removed. Nothing is
pickled, so loading runs no code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save
from scipy import sparse

from graphrec.market.tables import DataError

__all__ = ["pack_sparse", "read_archive", "unpack_sparse", "write_archive"]

_FORMAT = 1


def write_archive(folder: str | Path, name: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``<name>.json`` and its tensors into a folder, replacing an older save only when complete.

    Parameters
    ----------
    folder : path
        Made if absent.
    name : str
        What is saved, for example ``"appetite"``.
    meta : mapping
        Plain data for the JSON.
    arrays : mapping of str to numpy.ndarray
        Tensors; the same content gives the same bytes.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    payload = save({key: np.ascontiguousarray(arrays[key]) for key in sorted(arrays)})
    tensors = f"{name}-{hashlib.sha256(payload).hexdigest()[:12]}.safetensors"
    _replace(target / tensors, payload)
    text = json.dumps({"format": _FORMAT, "tensors": tensors, **meta}, indent=1, sort_keys=True)
    _replace(target / f"{name}.json", text.encode())
    for stale in target.glob(f"{name}-*.safetensors"):
        if stale.name != tensors:
            stale.unlink()


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


def read_archive(folder: str | Path, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what `write_archive` wrote: the plain data and the tensors.

    Raises
    ------
    DataError
        Nothing is saved there, a file is missing or damaged, or another version of the format wrote it.
    """
    path = Path(folder) / f"{name}.json"
    if not path.exists():
        raise DataError(f"{folder} holds no saved {name}: {path.name} is missing")
    try:
        meta = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path} is damaged: it is no JSON ({error}); save it again") from error
    if not isinstance(meta, dict) or "format" not in meta:
        raise DataError(f"{path} does not describe a saved {name}; save it again")
    if meta["format"] != _FORMAT:
        raise DataError(f"{path} has format {meta['format']!r}; this version reads {_FORMAT}. Save it again")
    tensors = Path(folder) / str(meta.get("tensors"))
    if not tensors.is_file():
        raise DataError(f"{path} names {tensors.name}, which is missing; copy the whole folder")
    payload = tensors.read_bytes()
    if hashlib.sha256(payload).hexdigest()[:12] not in tensors.name:
        raise DataError(f"{tensors} is damaged: its content does not match its name; save it again")
    return meta, load(payload)


def pack_sparse(name: str, matrix: sparse.csr_array) -> dict[str, np.ndarray]:
    """Arrays that hold a sparse matrix, keyed by name and part."""
    return {f"{name}.data": matrix.data, f"{name}.indices": matrix.indices, f"{name}.indptr": matrix.indptr}


def unpack_sparse(name: str, arrays: dict[str, np.ndarray], shape: tuple[int, ...] | list[int]) -> sparse.csr_array:
    """Read back what `pack_sparse` packed; the shape is kept elsewhere."""
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    return sparse.csr_array(parts, shape=tuple(shape))
