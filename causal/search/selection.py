"""Which search method a table calls for.

Hides the rule behind ``method="auto"``. Rows of panels go to PC: it is the fastest there and draws fewer edges where
latent common causes are the rule. Tables of numbers, of numbers beside categories or of many categories go to the
search by score, which finds more of the graph. On 20 mixed columns with 1,000 to 10,000 rows it had 0.4 to 1.8 wrong
marks where PC had 6.8 to 12.4, on mixed tables with counts, skewed numbers and categories in no order 0.8 to 1.9
against 3.6 to 4.6 (30 tables), in the same time. On samples of sachs, child, insurance and alarm with 1,000 to 5,000
rows it had a fifth to the whole of PC's wrong marks, most of the gain where rows are few and tests say nothing; on
hailfinder and mildew the two are even. Up to eight categories the tests stay: on survey the score had more wrong marks
(6.0 against 5.0 at 1,000 rows, 5.0 against 3.4 at 5,000), and it takes three times as long. So it is where rows and
columns are many: tests are strong there and counting is long (alarm with 10,000 rows: .32 s and 2.0 wrong marks by the
score, .09 s and 4.2 by tests; ``method="boss"`` asks for the former). Numbers go to DirectLiNGAM where the noise is
not normal and its own graph leaves noise that is independent of the causes, since only then do its arrows mean
anything.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from causal.graph import Note
from causal.search.searchtable import SearchTable
from causal.search.shapes import column_noise, share_normal

__all__ = ["choose_method"]

MOST_COLUMNS = 150
FEW_CATEGORIES = 8
MOST_COUNTING = 1e7
"""Rows times squared columns of categories; beyond, counting takes longer than a quarter of a second."""
FEWEST_ROWS = 500
MOST_READ = 20_000
"""Rows on which the shape of the noise is tried; beyond, every second, third, ... row."""
MOST_NORMAL = 0.1
DEPENDENT = 4.0
MOST_DEPENDENT = 0.1

Floats = NDArray[np.float64]


def choose_method(table: SearchTable) -> tuple[str, Note]:
    """Return the method and a note that says why."""
    method, why = _choose(table)
    return method, Note("method", (), f"Method {method!r} was picked: {why}.")


def _choose(table: SearchTable) -> tuple[str, str]:
    d, n = len(table.names), len(table.weights)
    if table.clusters is not None or bool((table.weights != table.weights[0]).any()):
        return "pc", "the rows are weighted or come in clusters, and where customers differ latent causes are common"
    if d > MOST_COLUMNS:
        return "pc", f"{d} columns are many for a search by score"
    if table.blocks.distinct is not None and d <= FEW_CATEGORIES:
        return "pc", f"every column is a category, and {d} columns are few enough for tests alone"
    if table.blocks.distinct is not None and n * d * d > MOST_COUNTING:
        return (
            "pc",
            f"every column is a category, and {n:,} rows of {d} columns are long to count for a search by score",
        )
    if table.blocks.distinct is not None:
        return "boss", "every column is a category"
    if table.numbers is None:
        return "boss", "numbers and categories are mixed"
    if n < FEWEST_ROWS or d < 2:
        return "boss", f"the columns are numbers, and {n} rows are too few to read the shape of the noise"
    return _choose_for_numbers(table)


def _choose_for_numbers(table: SearchTable) -> tuple[str, str]:
    """Look at the noise that DirectLiNGAM leaves."""
    from causal.search.searches import search_lingam

    numbers = "the columns are numbers"
    assert table.numbers is not None
    if share_normal(table.numbers) > 2 * MOST_NORMAL:
        return "boss", f"{numbers} and close to normal"
    table = _thinned(table)
    assert table.numbers is not None
    directed = search_lingam(table).pattern.directed
    values = table.numbers - table.numbers.mean(axis=0)
    noise, _ = column_noise(values, np.full(len(values), 1.0 / len(values)), directed)
    normal = share_normal(noise)
    if normal > MOST_NORMAL:
        return "boss", f"{numbers}, and {normal:.0%} of them leave normal noise"
    dependent = _dependent_noise(noise)
    if dependent > MOST_DEPENDENT * max(int(directed.sum()), 1):
        return "boss", f"{numbers}, but the noise of {dependent} pairs depends on each other: effects are not linear"
    return "lingam", f"{numbers}, their effects are linear, and the noise is not normal, which shows directions"


def _thinned(table: SearchTable) -> SearchTable:
    """Return evenly spaced rows of a long table: its shapes show on some thousands, and the trial costs most of all."""
    assert table.numbers is not None
    step = -(-len(table.weights) // MOST_READ)
    numbers = table.numbers[::step]
    if step == 1 or (np.ptp(numbers, axis=0) == 0)[np.ptp(table.numbers, axis=0) > 0].any():
        return table
    return replace(table, numbers=numbers, weights=table.weights[::step], size=table.size / step)


def _dependent_noise(noise: Floats) -> int:
    """Return how many pairs of columns have noise that moves together in size, or one's size with the other."""
    spread = noise.std(axis=0)
    left = noise[:, spread > 0] / spread[spread > 0]
    size = left**2 - 1.0
    z = [np.abs(a.T @ b) / np.sqrt((a**2).T @ b**2) for a, b in ((size, size), (size, left), (left, size))]
    return int(np.triu(np.maximum.reduce(z) > DEPENDENT, 1).sum())
