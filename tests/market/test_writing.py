"""Files appear whole or not at all."""

import pandas as pd
import pytest

from graphrec.market.tables import DataError
from graphrec.market.writing import check_writable, replacing, write_table, write_text


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("blow", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_older_file_and_nothing_beside_it(blow, tmp_path):
    target = tmp_path / "plan.txt"
    write_text(target, "old")
    with pytest.raises(blow), replacing(target) as beside:
        beside.write_text("half")
        raise blow
    assert target.read_text() == "old"
    assert names(tmp_path) == {"plan.txt"}


def test_the_older_file_stands_until_the_new_one_is_complete(tmp_path):
    target = tmp_path / "plan.txt"
    write_text(target, "old")
    with replacing(target) as beside:
        beside.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == {"plan.txt"}


def test_folders_are_made_and_tables_come_back(tmp_path):
    table = pd.DataFrame({"customer_id": ["a", "b"], "uplift": [0.1, -0.2]})
    write_table(tmp_path / "deep" / "er" / "t.parquet", table)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "deep" / "er" / "t.parquet"), table)


def test_a_place_under_a_file_is_refused_and_nothing_is_made(tmp_path):
    (tmp_path / "file").write_text("kept")
    for place in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with pytest.raises(DataError, match="is not a folder"):
            check_writable(place)
    with pytest.raises(DataError, match="cannot write"):
        write_text(tmp_path / "file" / "t.txt", "x")
    check_writable(tmp_path / "new" / "er")
    assert names(tmp_path) == {"file"}
    assert (tmp_path / "file").read_text() == "kept"
