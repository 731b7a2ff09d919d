from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphrec.learning.rows import training_rows
from graphrec.market.panel import Panel
from graphrec.market.tables import DataError


def make(n: int = 200, extra: int = 0, **columns: object) -> Panel:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "past_purchases": rng.poisson(2, n).astype(float),
            "arm": rng.choice(["none", "mail", "call"], n),
            "bought": (rng.random(n) < 0.3).astype(float),
            "household": np.arange(n) // 2,
            "w": rng.uniform(1, 3, n),
            **{f"x{i}": rng.normal(size=n) for i in range(extra)},
            **columns,
        }
    )
    roles = {"age": "Age", "past_purchases": "PastPurchase", **{f"x{i}": "PastView" for i in range(extra)}}
    return Panel.from_frame(
        table, treatment="arm", outcome="bought", control="none", roles=roles, weight="w", cluster="household"
    )


def test_rows_are_the_panel_s_rows_in_its_order():
    panel = make()
    rows, design = training_rows(panel, panel.covariates)
    np.testing.assert_array_equal(rows.matrix, design.transform(panel.frame))
    np.testing.assert_array_equal(rows.outcome, panel.frame["bought"])
    np.testing.assert_array_equal(rows.weights, panel.weights)
    np.testing.assert_array_equal(rows.clusters, panel.clusters)
    named = np.array([panel.control, *rows.channels])[rows.channel]
    assert (named == panel.frame["arm"].astype(str)).all()
    assert (rows.contacted == panel.contacted).all()


def test_a_channel_without_rows_is_left_out():
    panel = make()
    part = panel.take((panel.frame["arm"] != "call").to_numpy())
    rows, _ = training_rows(part, part.covariates)
    assert rows.channels == ("mail",) and set(rows.channel) == {0, 1}


def test_only_the_columns_asked_for_are_used():
    rows, design = training_rows(make(), ["age"])
    assert rows.names == design.names == ("age",)


def test_a_small_table_modifies_the_effect_by_all_its_columns_a_large_one_by_traits():
    small, _ = training_rows(make(extra=5), make(extra=5).covariates)
    assert small.modifiers.all() and len(small.modifiers) == 7
    large, _ = training_rows(make(extra=15), make(extra=15).covariates)
    assert [name for name, kept in zip(large.names, large.modifiers) if kept] == ["age"]


def test_a_column_called_immutable_modifies_like_a_trait():
    panel = make(extra=15)
    rows, _ = training_rows(replace(panel, roles={**panel.roles, "x3": "immutable"}), panel.covariates)
    assert [name for name, kept in zip(rows.names, rows.modifiers) if kept] == ["age", "x3"]


def test_gaps_and_constant_columns_are_taken_care_of():
    gaps = np.where(np.arange(200) % 3 == 0, np.nan, 1.0 * np.arange(200))
    panel = make(age=gaps)
    rows, _ = training_rows(panel, panel.covariates)
    assert "age missing" in rows.names and np.isfinite(rows.matrix).all()
    part = panel.take((panel.frame["past_purchases"] == 2).to_numpy())
    assert "past_purchases" not in training_rows(part, part.covariates)[0].names


def test_an_amount_is_an_outcome_and_a_gap_is_none():
    amounts = np.where(np.arange(200) % 2, 2.5, -1.0)
    assert np.array_equal(training_rows(make(bought=amounts), ["age"])[0].outcome, amounts)
    panel = make()
    gap = replace(panel, frame=panel.frame.assign(**{panel.outcome: np.nan}))
    with pytest.raises(DataError, match=r"is unknown in 200 rows; leave them out"):
        training_rows(gap, ["age"])


def test_nobody_contacted_is_refused():
    panel = make()
    alone = panel.take(~panel.contacted)
    with pytest.raises(DataError, match="no row of the panel was contacted"):
        training_rows(alone, alone.covariates)
