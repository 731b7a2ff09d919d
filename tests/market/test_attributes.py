"""An attribute is used only where something proves that it was known before."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from graphrec.market.attributes import DAY, AttributeTable, attribute_values, sort_attributes
from graphrec.market.tables import DataError, Market
from ontology import OntologyError


def test_attributes_are_sorted_by_what_their_role_proves(draw_frames):
    frames = draw_frames(0)
    frames["customers"] = frames["customers"].assign(visits_so_far=1, calls=2, zip="x", loyal=1)
    frames["products"] = frames["products"].assign(stars=1.0, sold=3)
    frames["roles"] = frames["roles"] | {
        "visits_so_far": "PastVisit",
        "calls": "CallDuration",
        "zip": "immutable",
        "loyal": {"class": "LoyaltyPoints", "immutable": True},
        "stars": "Stock",
        "sold": "PastPurchase",
    }
    found = sort_attributes(Market.from_frames(**frames))
    assert set(found.before) == {"age", "region", "balance", "first_order", "zip", "loyal", "stars"}
    assert found.mediators == ("calls",)
    assert found.consequences == ("tickets",)
    assert found.undated == ("visits_so_far", "sold")
    assert found.unmatched == ("mystery",)


def test_an_undated_column_of_both_tables_is_the_customers_one_and_stays_out(draw_frames):
    frames = draw_frames(0)
    frames["customers"] = frames["customers"].assign(stock=1)
    frames["roles"] = {"stock": "Stock"}
    assert sort_attributes(Market.from_frames(**frames)).undated == ("stock",)


def test_an_unknown_class_is_refused_with_the_closest_ones(draw_frames):
    frames = draw_frames(0)
    frames["roles"] = {"age": "Agee"}
    with pytest.raises(OntologyError, match=r"no class 'Agee'.*Age"):
        sort_attributes(Market.from_frames(**frames))


def test_a_class_above_all_groups_is_refused(draw_frames):
    frames = draw_frames(0)
    frames["roles"] = {"age": "Variable"}
    with pytest.raises(DataError, match="above all groups; be more exact"):
        sort_attributes(Market.from_frames(**frames))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None], [1.0, np.nan]),
        ([True, False], [1.0, 0.0]),
        ([Decimal("1.5"), None], [1.5, np.nan]),
        (pd.array([3, None], dtype="Int64"), [3.0, np.nan]),
        (pd.array([True, None], dtype="boolean"), [1.0, np.nan]),
        ([None, None], [np.nan, np.nan]),
        (pd.Series([2, None], dtype=object), [2.0, np.nan]),
    ],
)
def test_numbers_and_truth_values_are_floats(values, expected):
    np.testing.assert_array_equal(attribute_values(pd.Series(values)), expected)


@pytest.mark.parametrize("values", [["b", None, "a"], pd.Categorical(["b", None, "a"])])
def test_words_are_categories_in_order(values):
    found = attribute_values(pd.Series(values))
    assert isinstance(found, pd.Categorical)
    assert list(found.categories) == ["a", "b"]
    assert found.codes.tolist() == [1, -1, 0]


def test_text_that_looks_like_numbers_stays_text():
    assert list(attribute_values(pd.Series(["007", "12"], dtype=object)).categories) == ["007", "12"]


def day(number: int) -> pd.Timestamp:
    return pd.Timestamp(0, tz="UTC") + pd.Timedelta(days=number)


def test_a_dated_value_is_missing_until_its_date_has_passed():
    frame = pd.DataFrame({"score": [5.0, 6.0], "word": ["x", "y"], "at": [day(10), pd.NaT]})
    table = AttributeTable(frame, {"score": "at", "word": "at"})
    codes, times = np.array([0, 0, 0, 1]), np.array([9, 10, 11, 99]) * DAY
    np.testing.assert_array_equal(table.at("score", codes, times), [np.nan, np.nan, 5.0, np.nan])
    assert table.at("word", codes, times).codes.tolist() == [-1, -1, 0, -1]


def test_a_moment_is_its_age_once_it_is_past():
    table = AttributeTable(pd.DataFrame({"since": [day(10), pd.NaT]}), {"since": None})
    found = table.at("since", np.array([0, 0, 0, 1]), np.array([12.5, 10, 9, 12]).astype(float) * DAY)
    np.testing.assert_array_equal(found, [2.5, np.nan, np.nan, np.nan])
