"""Who is asked about: one customer or several, and what is said of those that nobody knows."""

from types import SimpleNamespace

import pandas as pd
import pytest

from graphrec.cli.answers import advise
from graphrec.decisions.subjects import find_subjects
from graphrec.market.tables import DataError

FRAME = pd.DataFrame({"customer_id": ["C1", "C2"], "region": ["North", "South"], "weight": 1.0, "propensity": 0.5})
MODEL = SimpleNamespace(
    market=None,
    effects=SimpleNamespace(channels=("mail",)),
    panel=SimpleNamespace(frame=FRAME, roles={"region": "Region"}),
)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("C0001", r"^1 customer\(s\) are not known: 'C0001'; take"),
        (["C1", "X", "Y"], r"^2 customer\(s\) are not known: 'X', 'Y'; take"),
        (7, r"^1 customer\(s\) are not known: 7 \(identifiers given as int, those of the data are str\)"),
        (list("abcdefg"), r"^7 customer\(s\) are not known: 'a', 'b', 'c', 'd', 'e' and more; take"),
    ],
)
def test_unknown_customers_are_named_as_they_were_asked(asked, said):
    with pytest.raises(DataError, match=said):
        find_subjects(MODEL, ["mail"], asked, 1, None)


def test_only_columns_of_the_own_table_are_offered_for_segments():
    with pytest.raises(DataError, match=r"no column 'nope'; there are region$"):
        advise(MODEL, [], "nope=30", False, 1, None, None, None, "en", "", 0, print)
