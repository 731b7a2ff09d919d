from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal.knowledge import Knowledge
from causal.search.ordersearch import must_precede, pick_parents, search_order
from causal.search.searchtable import prepare_table


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tiers", [{}, {"x0": 0, "x1": 0, "x2": 1, "x3": 2}])
def test_the_search_ends_where_no_permitted_move_of_one_column_helps(seed, tiers):
    """Every place of every column is scored anew, by trees that the search has never walked."""
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.normal(size=(7, 7)) * (rng.random((7, 7)) < 0.5), 1)
    values = rng.normal(size=(300, 7)) @ np.linalg.inv(np.eye(7) - weights)
    frame = pd.DataFrame(values[:, rng.permutation(7)], columns=[f"x{i}" for i in range(7)])
    table = prepare_table(frame, Knowledge(tiers=tiers), 0.01, None, None)
    score, before = table.score(table.weights, table.rules), must_precede(table.rules)
    start = np.array(sorted(range(7), key=lambda i: tiers.get(frame.columns[i], 9)))
    for best in (search_order(score, table.rules), search_order(score, table.rules, start, patience=0)):
        for column in range(7):
            rest = best.order[best.order != column]
            for place in range(7):
                order = np.insert(rest, place, column)
                if not (before[np.ix_(order, order)] & ~np.triu(np.ones((7, 7), dtype=bool))).any():
                    assert pick_parents(score, table.rules, order).score <= best.score + 1e-6
