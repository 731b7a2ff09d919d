from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from graphrec.learning.archive import read_archive, write_archive
from graphrec.market.tables import DataError


def test_an_archive_returns_what_was_written_and_the_same_content_the_same_bytes(tmp_path) -> None:
    arrays = {"b": np.arange(5, dtype=np.int32), "a": np.eye(3, dtype=np.float32)[:, ::2]}
    for folder in ("one", "two"):
        write_archive(tmp_path / folder, "thing", {"k": [1, 2]}, arrays)
    files = [sorted((tmp_path / folder).iterdir()) for folder in ("one", "two")]
    assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]
    meta, found = read_archive(tmp_path / "one", "thing")
    assert meta["k"] == [1, 2]
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())


def test_a_save_that_breaks_off_leaves_the_previous_one(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path, "thing", {"version": 1}, {"a": np.zeros(2)})
    monkeypatch.setattr("graphrec.learning.archive.json.dumps", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_archive(tmp_path, "thing", {"version": 2}, {"a": np.ones(2)})
    meta, arrays = read_archive(tmp_path, "thing")
    assert meta["version"] == 1
    assert arrays["a"].tolist() == [0.0, 0.0]


def test_another_format_is_refused(tmp_path) -> None:
    write_archive(tmp_path, "thing", {}, {"a": np.zeros(2)})
    path = tmp_path / "thing.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(DataError, match="format 99"):
        read_archive(tmp_path, "thing")
    for text, words in (("{", "no JSON"), ("[]", "does not describe"), ("{}", "does not describe")):
        path.write_text(text)
        with pytest.raises(DataError, match=words):
            read_archive(tmp_path, "thing")
    path.write_text('{"format": 1}')
    with pytest.raises(DataError, match="missing"):
        read_archive(tmp_path, "thing")


def test_the_filter_and_the_package_load_no_torch() -> None:
    code = (
        "import sys, graphrec.learning; from graphrec.learning import appetite_as_of, fit_filter; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
