"""What `allocate` is asked with: moments, types and names; a mistake is refused in one line."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.planning.past import read_past
from graphrec.decisions.policy import PolicyError, allocate


def scores(customers=3, **columns):
    table = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(customers)],
            "product_id": "p0",
            "channel": "call",
            "slot": "morning",
            "net_value": 1.0,
        }
    )
    return table.assign(**columns)


def refused(*given, **named):
    with pytest.raises(PolicyError) as error:
        allocate(*given, **named)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "at", ["05/09/2024", "9 May 2024", "", " ", float("nan"), pd.NaT, np.datetime64("NaT"), 20240905, 1.5, True,
           ["2024-05-01"], pd.Index(["2024-05-01"]), "2024-13-01"],
    ids=repr,
)  # fmt: skip
def test_a_moment_that_is_none_is_refused(at):
    assert "at is" in refused(scores(), at=at)


@pytest.mark.parametrize(
    "at", ["2024-05-09", "2024-05-09 00:00", "2024-05-09T00:00+00:00", "2024-05-09T02:00+02:00", date(2024, 5, 9),
           datetime(2024, 5, 9), pd.Timestamp("2024-05-09"), np.datetime64("2024-05-09")],
    ids=repr,
)  # fmt: skip
def test_iso_texts_and_datetimes_are_the_moment_they_say(at):
    assert read_past(None, at).given == pd.Timestamp("2024-05-09", tz="UTC")
