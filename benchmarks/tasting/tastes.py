"""Public sets of who took what, each cut into training, validation and test part.

Hides files and splits. Gowalla has an official test part, its validation part is a quarter of each customer's training
pairs, drawn; Last.fm and ml-100k are cut 8 : 1 : 1 for each customer, drawn. ml-100k lies in the wheel of RecBole.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import sparse

__all__ = ["Tastes", "read_tastes"]

_GOWALLA_PULL = 0.2
"""The official test part of Gowalla holds more popular products than pairs drawn from its training part do: the most
popular ones have a recall@20 of .042 on the one (as published) and .026 on the other. Under this pull it is .041."""


@dataclass(frozen=True, eq=False)
class Tastes:
    """Customer x product matrices of ones; ``whole`` is what models are refitted on before the test."""

    name: str
    depth: int
    train: sparse.csr_array
    validation: sparse.csr_array
    whole: sparse.csr_array
    seen: sparse.csr_array
    test: sparse.csr_array


def read_tastes(name: str, data: Path) -> Tastes:
    """Read one of ``gowalla``, ``lastfm``, ``ml-100k``.

    Raises
    ------
    FileNotFoundError
        The data are not at hand; the message says where they come from.
    """
    return {"gowalla": _gowalla, "lastfm": _lastfm, "ml-100k": _movielens}[name](data)


def _gowalla(data: Path) -> Tastes:
    train, test = (_lists(data / "gowalla" / f"{part}.txt.gz") for part in ("train", "test"))
    shape = tuple(int(max(a.max(), b.max())) + 1 for a, b in zip(train, test))
    early, late = _cut(*train, (0.75,), _GOWALLA_PULL)
    whole, official = _matrix(*train, shape), _matrix(*test, shape)
    return Tastes("gowalla", 20, _matrix(*early, shape), _matrix(*late, shape), whole, whole, official)


def _lastfm(data: Path) -> Tastes:
    path = _found(data / "lastfm" / "train.txt.gz")
    rows = np.loadtxt(path, usecols=(0, 1), dtype=np.int64)
    return _in_three("lastfm", 20, rows[:, 0], rows[:, 1])


def _movielens(data: Path) -> Tastes:
    del data
    spec = find_spec("recbole")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("ml-100k lies in the wheel of recbole; install it with: pip install recbole")
    path = Path(spec.origin).parent / "dataset_example" / "ml-100k" / "ml-100k.inter"
    rows = np.loadtxt(path, skiprows=1, usecols=(0, 1), dtype=np.int64)
    return _in_three("ml-100k", 10, rows[:, 0], rows[:, 1])


def _in_three(name: str, depth: int, customers: np.ndarray, products: np.ndarray) -> Tastes:
    """Cut 8 : 1 : 1; as in RecBole, models learn from the first part and lists leave out the first two."""
    pairs = np.unique(np.column_stack([customers, products]), axis=0)
    codes = [np.unique(column, return_inverse=True)[1] for column in pairs.T]
    shape = tuple(int(code.max()) + 1 for code in codes)
    train, validation, test = (_matrix(*part, shape) for part in _cut(*codes, (0.8, 0.9)))
    return Tastes(name, depth, train, validation, train, sparse.csr_array(train + validation), test)


def _lists(path: Path) -> tuple[np.ndarray, np.ndarray]:
    customers, products = [], []
    with gzip.open(_found(path), "rt") as lines:
        for line in lines:
            who, *what = map(int, line.split())
            customers.append(np.full(len(what), who))
            products.append(np.array(what, dtype=np.int64))
    return np.concatenate(customers), np.concatenate(products)


def _found(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; say where the data are with --data")
    return path


def _cut(
    customers: np.ndarray, products: np.ndarray, at: tuple[float, ...], pull: float = 0.0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each customer's pairs in a drawn order, cut at shares of their number.

    With a pull above zero a pair comes late with odds that grow with its product's popularity to that power (a race of
    exponential clocks, Efraimidis & Spirakis 2006).
    """
    rng = np.random.default_rng(0)
    if pull:
        place = -rng.exponential(size=len(customers)) / np.bincount(products)[products] ** pull
    else:
        place = rng.random(len(customers))
    order = np.lexsort((place, customers))
    sizes = np.bincount(customers)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    place = np.arange(len(order)) - starts[customers[order]]
    share = (place + 0.5) / sizes[customers[order]]
    part = np.searchsorted(np.array(at), share, side="right")
    return [(customers[order[part == k]], products[order[part == k]]) for k in range(len(at) + 1)]


def _matrix(customers: np.ndarray, products: np.ndarray, shape: tuple[int, ...]) -> sparse.csr_array:
    ones = np.ones(len(customers), dtype=np.float32)
    return sparse.csr_array((ones, (customers, products)), shape=shape)
