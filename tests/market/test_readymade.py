"""Roles decide what each column of a ready-made table may be used for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graphrec.market.panel import Panel
from graphrec.market.tables import DataError
from ontology import OntologyError

SHARED = Path(__file__).parents[3] / "shared" / "data"
HILLSTROM = {
    "recency": "Recency",
    "history": "PastSpend",
    "mens": "PastPurchase",
    "womens": "PastPurchase",
    "zip_code": "Region",
    "newbie": "Tenure",
    "channel": "PastPurchase",
    "spend": "PurchaseValue",
}


def e_mails(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """A table like Hillstrom's: three randomised arms."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency": rng.integers(1, 13, n),
            "history_segment": "1) $0 - $100",
            "history": rng.lognormal(4, 1, n),
            "mens": rng.integers(0, 2, n),
            "womens": rng.integers(0, 2, n),
            "zip_code": rng.choice(["Rural", "Urban", "Surburban"], n),
            "newbie": rng.integers(0, 2, n),
            "channel": rng.choice(["Web", "Phone"], n),
            "segment": rng.choice(["No E-Mail", "Mens E-Mail", "Womens E-Mail"], n),
            "visit": rng.integers(0, 2, n),
            "spend": rng.exponential(1, n),
        }
    )


def read(table: Any, roles: dict[str, str] | None = None, **settings: Any) -> Panel:
    named = {"treatment": "segment", "outcome": "visit", "control": "No E-Mail", "roles": roles or HILLSTROM}
    return Panel.from_frame(table, **(named | settings))


def refusal(table: Any, *arguments: Any, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(table, *arguments, **settings)
    return str(caught.value)


def test_roles_decide():
    roles = HILLSTROM | {"newbie": "Click", "mens": "Satisfaction"}
    panel = read(e_mails(), roles)
    assert panel.covariates == ("recency", "history", "womens", "zip_code", "channel")
    assert panel.mediators == ("newbie",)
    assert panel.consequences == ("mens", "spend")
    assert panel.left_out == {"history_segment": "no role: give its ontology class in roles"}
    assert panel.roles["segment"] == "Solicitation"
    assert panel.roles["visit"] == "Purchase"
    assert read(e_mails(), roles | {"visit": "Visit"}).roles["visit"] == "Visit"


def test_the_arms_are_levels_with_the_control_first():
    panel = read(e_mails())
    assert list(panel.frame["segment"].cat.categories) == ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
    assert panel.channels == ("Mens E-Mail", "Womens E-Mail")
    assert panel.contacted.sum() == (e_mails()["segment"] != "No E-Mail").sum()


def test_variables_have_no_identifier_and_no_gap():
    table = e_mails()
    table.loc[:20, "history"] = None
    table.loc[:20, "zip_code"] = None
    variables = read(table).variables
    assert set(variables.columns) == {*HILLSTROM, "segment", "visit"}
    assert not variables.isna().any().any()
    assert (variables["zip_code"][:21] == "missing").all()
    assert variables["history"][0] == table["history"].median()


def test_weights_clusters_values_and_propensities_are_taken_from_their_columns():
    table = e_mails().assign(w=2.5, p=1 / 3, who=np.repeat(["b", "a", "c"], 100), margin=0.5)
    panel = read(table, weight="w", propensity="p", cluster="who", value="margin")
    assert (panel.weights == 2.5).all()
    assert panel.clusters.tolist() == np.repeat([0, 1, 2], 100).tolist()
    assert (panel.frame["propensity"] == 1 / 3).all()
    assert (panel.frame["value"] == 0.5).all()
    assert not {"w", "p", "who", "margin"} & {*panel.variables.columns, *panel.left_out}
    bare = read(e_mails())
    assert (bare.weights == 1).all()
    assert len(set(bare.clusters)) == 300
    assert bare.frame["propensity"].isna().all()
    assert (bare.frame["value"] == bare.frame["visit"]).all()


def test_whether_the_arms_were_drawn_by_lot_is_said_and_not_guessed():
    table = e_mails().assign(test=np.repeat(["yes", "no"], 150), lot=np.repeat([True, False], 150))
    assert not read(table).frame["randomised"].any()
    assert read(table, randomised=True).frame["randomised"].all()
    some = read(table, randomised="lot")
    assert some.frame["randomised"].tolist() == table["lot"].tolist()
    assert not {"lot"} & {*some.variables.columns, *some.left_out}
    assert read(table.astype({"lot": int}), randomised="lot").frame["randomised"].dtype == bool
    assert "randomised 'test' must hold finite numbers" in refusal(table, randomised="test")
    assert "randomised 'lot' must be true or false in each row; first values: 0, 2" in refusal(
        table.assign(lot=2 * table["lot"]), randomised="lot"
    )
    assert "randomised 'lot' is missing in 300 rows" in refusal(table.assign(lot=None), randomised="lot")
    assert "lacks the column 'luck'" in refusal(table, randomised="luck")


def test_an_arm_drawn_by_lot_beside_a_control_that_was_not_is_refused():
    table = e_mails().assign(lot=lambda table: table["segment"] != "No E-Mail")
    words = refusal(table, randomised="lot")
    assert "true in 100% of the rows with 'Mens E-Mail' and in 0% of those with the control 'No E-Mail'" in words


def test_the_table_given_is_not_changed_and_its_index_does_not_matter():
    table = e_mails()
    before = table.copy(deep=True)
    panel = read(table)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(read(table.set_axis([7] * 300)).frame, panel.frame)


def test_arrow_tables_are_read():
    pd.testing.assert_frame_equal(read(pa.Table.from_pandas(e_mails())).frame, read(e_mails()).frame)


def test_polars_frames_are_read():
    polars = pytest.importorskip("polars")
    assert len(read(polars.from_pandas(e_mails())).frame) == 300


@pytest.mark.parametrize(
    ("values", "control"),
    [([0, 1], 0), ([0.0, 1.0], 0), ([0.0, 1.0], "0.0"), ([False, True], False), (["0", "1"], "0"), (["0", "1"], 0)],
)
def test_a_control_is_found_whatever_its_type(values, control):
    table = e_mails().assign(segment=np.resize(values, 300))
    panel = read(table, control=control)
    assert panel.contacted.sum() == 150
    assert not panel.contacted[0]
    assert read(table, control=None).control == panel.control


def test_constant_columns_are_left_out():
    panel = read(e_mails().assign(mens=1, spend=0.0, channel=None))
    assert not {"mens", "spend", "channel"} & set(panel.variables.columns)
    assert {panel.left_out[name] for name in ("mens", "spend", "channel")} == {"constant in this panel"}


def test_a_column_that_never_changes_needs_no_class():
    assert "zip_code" in read(e_mails(), {"zip_code": "immutable"}).covariates


@pytest.mark.parametrize(
    ("changes", "settings", "words"),
    [
        ({}, {"outcome": "sale"}, "the table lacks the column 'sale'; found recency, "),
        ({}, {"treatment": "arm"}, "the table lacks the column 'arm'"),
        ({}, {"weight": "w", "cluster": "c"}, "the table lacks the column 'w', 'c'"),
        ({}, {"roles": {"agee": "Age"}}, "the table lacks the column 'agee'"),
        ({}, {"outcome": "segment"}, "treatment and outcome are both 'segment'"),
        ({"segment": "Mens E-Mail"}, {}, "has the single level 'Mens E-Mail'; an effect needs two arms"),
        ({}, {"control": None}, "say which one is control="),
        ({}, {"control": "Nobody"}, "control 'Nobody' is not a level of 'segment'; it has Mens E-Mail, No E-Mail"),
        ({"visit": "yes"}, {}, "outcome 'visit' must hold finite numbers, such as 0 and 1; first values: 'yes'"),
        ({"visit": np.inf}, {}, "outcome 'visit' must hold finite numbers"),
        ({"history": np.inf}, {}, "column 'history' holds infinite values; replace them"),
        ({"w": 0.0}, {"weight": "w"}, "weights must be above zero"),
        ({"w": None}, {"weight": "w"}, "weight 'w' is missing in 300 rows"),
        ({"p": 0.0}, {"propensity": "p"}, "propensity is a probability in (0, 1], found 0, 0, 0"),
        ({"p": 1.5}, {"propensity": "p"}, "propensity is a probability in (0, 1], found 1.5"),
        ({"p": "likely"}, {"propensity": "p"}, "propensity 'p' must hold finite numbers"),
        ({"c": [None, *range(299)]}, {"cluster": "c"}, "cluster is missing in 1 rows"),
        ({"weight": 1.0}, {"roles": {"weight": "Age"}}, "the column name weight is reserved; rename it"),
        ({}, {"roles": {"history": "Variable"}}, "'Variable', which is above all groups; be more exact"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_remedy(changes, settings, words):
    assert words in refusal(e_mails().assign(**changes), **settings)


@pytest.mark.parametrize("name", ["segment", "visit"])
def test_gaps_in_treatment_and_outcome_are_refused(name):
    table = e_mails().astype({"visit": float})
    table.loc[:4, name] = None
    assert f"{name!r} is missing in 5 rows; leave them out first" in refusal(table)


def test_an_empty_table_and_a_list_are_refused():
    assert "the table has no rows" in refusal(e_mails().head(0))
    assert "give a pandas, polars, Arrow or DuckDB table" in refusal([{"segment": 1}])
    assert "has the column visit twice" in refusal(pd.concat([e_mails(), e_mails()[["visit"]]], axis=1))


def test_an_unknown_class_is_refused_with_the_closest_ones():
    with pytest.raises(OntologyError, match=r"no class 'Recencie'.*Recency"):
        read(e_mails(), {"recency": "Recencie"})


def test_a_logged_propensity_may_be_missing_in_some_rows():
    table = e_mails().assign(p=[None, *[0.5] * 299])
    assert read(table, propensity="p").frame["propensity"].isna().sum() == 1


def test_hillstrom():
    path = SHARED / "hillstrom"
    files = sorted(path.glob("*.csv*"))
    if not files:
        pytest.skip(f"no Hillstrom file in {path.parent.name}/{path.name} beside the repository")
    table = pd.read_csv(files[0])
    panel = read(table)
    assert len(panel.frame) == len(table) == 44_787
    assert set(panel.covariates) == set(HILLSTROM) - {"spend"}
    assert panel.consequences == ("spend",)
    rate = panel.frame.groupby("segment", observed=True)["visit"].mean()
    assert rate["Mens E-Mail"] - rate["No E-Mail"] == pytest.approx(0.0766, abs=0.006)
    assert rate["Womens E-Mail"] - rate["No E-Mail"] == pytest.approx(0.0452, abs=0.006)
    assert not panel.variables.isna().any().any()


def test_bank_marketing():
    path = SHARED / "bank_marketing" / "bank-full.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path.name} in {path.parent.parent.name}/{path.parent.name} beside the repository")
    table = pd.read_csv(path, sep=";")
    table["y"] = (table["y"] == "yes").astype(int)
    roles = {
        "age": "Age",
        "job": "Occupation",
        "balance": "AccountBalance",
        "housing": "HousingLoan",
        "previous": "ContactPressure",
        "poutcome": "PastResponse",
        "duration": "CallDuration",
    }
    panel = Panel.from_frame(table, treatment="contact", outcome="y", control="unknown", roles=roles)
    assert len(panel.frame) == 45_211
    assert panel.mediators == ("duration",)  # known only after the call: never a covariate
    assert "duration" not in panel.covariates
    assert panel.frame["y"].mean() == pytest.approx(0.117, abs=0.0005)
    assert set(panel.left_out) == set(table.columns) - {*roles, "contact", "y"}
    assert not panel.variables.isna().any().any()


def test_an_outcome_known_for_one_arm_only_is_refused_and_negative_amounts_are_counted():
    table = pd.DataFrame({"arm": ["mail", "none"] * 10, "paid": [2.0, -1.0] * 10, "recency": range(20)})
    panel = Panel.from_frame(table, treatment="arm", outcome="paid", control="none", roles={"recency": "Recency"})
    assert panel.counts["outcome below zero"] == 10
    table["paid"] = np.where(table["arm"] == "none", np.nan, 1.0)
    with pytest.raises(DataError, match=r"unknown in all rows of the arm none.*like a redemption, has no uplift"):
        Panel.from_frame(table, treatment="arm", outcome="paid", control="none", roles={"recency": "Recency"})


def test_identifiers_are_kept_where_every_row_has_its_own():
    names = [f"k{i}" for i in range(300)]
    for given in ({"cluster": "who"}, {}):
        column = "who" if given else "customer_id"
        panel = read(e_mails().assign(**{column: names}), **given)
        assert panel.frame["customer_id"].tolist() == names
        assert not {column, "customer_id"} & {*panel.variables.columns, *panel.left_out}
    repeated = read(e_mails().assign(who=np.repeat(["b", "a", "c"], 100)), cluster="who")
    assert "customer_id" not in repeated.frame
    mixed = read(e_mails().assign(customer_id=[0, *names[1:]]))
    assert mixed.frame["customer_id"].tolist()[:2] == ["0", "k1"]
    assert "customer_id is reserved" in refusal(
        e_mails().assign(customer_id=names), HILLSTROM | {"customer_id": "immutable"}
    )


def test_roles_are_a_mapping_and_a_propensity_has_none():
    for roles in (["recency"], "recency"):
        assert "give a mapping of column to class" in refusal(e_mails(), roles)
    with pytest.raises(DataError, match="roles is a NoneType"):
        Panel.from_frame(e_mails(), treatment="segment", outcome="visit", control="No E-Mail", roles=None)
    logged = e_mails().assign(p=1 / 3)
    assert "'p' is the propensity and has a role" in refusal(logged, HILLSTROM | {"p": "Age"}, propensity="p")
