"""The schema says of every column what the rest of the door relies on."""

from __future__ import annotations

import pytest

from graphrec.market.schema import NUMBERS, ON_PRODUCT, SCHEMA
from graphrec.market.tables import EVENT_TYPES, TABLES


def test_every_table_has_a_schema():
    assert set(SCHEMA) == set(TABLES)
    assert set(ON_PRODUCT) < set(EVENT_TYPES)


@pytest.mark.parametrize("name", TABLES)
def test_a_schema_speaks_of_its_own_columns_only(name):
    table = SCHEMA[name]
    columns = (*table.required, *table.optional)
    assert len(set(columns)) == len(columns)
    assert {*table.times, *table.truths, *(table.checks or {})} <= set(columns)
    assert table.identity is None or table.identity in table.required
    assert table.sort_by is None or table.sort_by in table.times
    assert set(table.checks or {}) <= {*NUMBERS, "event_type", "channel"}
