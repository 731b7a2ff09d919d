from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

# A busy machine makes drawing slow; that says nothing about the code under test.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

Network = tuple[pd.DataFrame, set[tuple[str, str]]]
NETWORKS = Path(__file__).parents[3] / "shared" / "data" / "bnlearn"


@pytest.fixture(scope="session")
def draw_network() -> Callable[[str, int, int], Network]:
    """Sample rows from a published discrete network: (name, rows, seed) -> (frame, true edges)."""

    def draw(name: str, rows: int, seed: int) -> Network:
        path = NETWORKS / f"{name}.bif.gz"
        if not path.exists():
            pytest.skip(f"{name}.bif.gz is not beside the repository")
        return sample_bif(gzip.decompress(path.read_bytes()).decode(), rows, np.random.default_rng(seed))

    return draw


def sample_bif(text: str, rows: int, rng: np.random.Generator) -> Network:
    states = {
        name: [s.strip() for s in listed.split(",")]
        for name, listed in re.findall(r"variable\s+(\S+)\s*\{\s*type discrete \[\s*\d+\s*\]\s*\{([^}]*)\}", text)
    }
    tables = {}
    for child, _, given, body in re.findall(r"probability \( (\S+) (\| ([^)]*?) )?\) \{(.*?)\n\}", text, re.DOTALL):
        parents = [p.strip() for p in given.split(",")] if given else []
        tables[child] = (parents, _table(body, [states[p] for p in parents], len(states[child])))
    columns: dict[str, np.ndarray] = {}
    while len(columns) < len(tables):
        for child, (parents, table) in tables.items():
            if child not in columns and all(p in columns for p in parents):
                shares = table[tuple(columns[p] for p in parents)] if parents else np.tile(table, (rows, 1))
                draws = rng.random((rows, 1)) > np.cumsum(shares, axis=1)
                columns[child] = np.minimum(draws.sum(axis=1), len(states[child]) - 1)
    frame = pd.DataFrame({n: pd.Categorical.from_codes(columns[n], states[n]) for n in states})
    return frame, {(p, child) for child, (parents, _) in tables.items() for p in parents}


def _table(body: str, levels: list[list[str]], width: int) -> np.ndarray:
    if not levels:
        return np.array([float(x) for x in re.search(r"table ([^;]*);", body).group(1).split(",")])
    rows = {
        tuple(s.strip() for s in key.split(",")): [float(x) for x in values.split(",")]
        for key, values in re.findall(r"\(([^)]*)\)\s*([^;]*);", body)
    }
    shape = (*(len(listed) for listed in levels), width)
    return np.array([rows[key] for key in product(*levels)]).reshape(shape)
