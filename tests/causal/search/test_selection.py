"""Which method a long table is sent to, and from how many of its rows that is read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal import Knowledge
from causal.search import selection
from causal.search.searchtable import prepare_table


def chain(n, draw, noise):
    a = noise(n)
    b = 0.8 * a + noise(n)
    c = 0.7 * b - 0.6 * a + noise(n)
    return pd.DataFrame({"a": a, "b": b, "c": c, "rest": draw.normal(size=n) ** 3})


def choice(frame):
    return selection.choose_method(prepare_table(frame, Knowledge(), 0.01, None, None))[0]


@pytest.mark.parametrize(("bent", "expected"), [(False, "lingam"), (True, "boss")])
def test_a_long_table_is_sent_where_a_part_of_it_is(bent, expected):
    draw = np.random.default_rng(5)
    frame = chain(3 * selection.MOST_READ, draw, lambda n: draw.laplace(size=n))
    if bent:
        frame["c"] = np.abs(frame["b"]) + 0.5 * draw.laplace(size=len(frame))
    assert choice(frame) == choice(frame[::3]) == expected


def test_only_evenly_spaced_rows_of_a_long_table_are_tried(monkeypatch):
    draw = np.random.default_rng(6)
    frame = chain(2 * selection.MOST_READ, draw, lambda n: draw.laplace(size=n))
    seen = []
    noise = selection.column_noise
    monkeypatch.setattr(selection, "column_noise", lambda *given: seen.append(len(given[0])) or noise(*given))
    choice(frame)
    frame["rest"] = np.where(np.arange(len(frame)) % 2, frame["rest"], 0.0)  # constant in every second row
    choice(frame)
    assert seen == [selection.MOST_READ, len(frame)]
