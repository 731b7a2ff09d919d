from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.search.moments import effective_sizes, encode_blocks, measure_moments


def moments_of(frame, weights=None, clusters=None):
    blocks = encode_blocks(frame)
    weights = np.ones(len(frame)) if weights is None else weights
    return measure_moments(blocks, weights, effective_sizes(blocks, weights, clusters))


def mixed_frame(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.normal(size=n),
            "member": rng.random(n) < 0.3,
            "region": pd.Categorical(rng.choice(["n", "s", "w"], n)),
        }
    )


def test_blocks_are_white_and_categories_take_one_column_less():
    found = moments_of(mixed_frame())
    assert np.diff(found.starts).tolist() == [1, 1, 2]
    assert np.allclose(found.correlation[2:, 2:], np.eye(2))
    assert np.allclose(np.diag(found.correlation), 1)


def test_two_numbers_have_their_pearson_correlation():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(300, 2)) @ [[1, 0.5], [0, 1]], columns=["a", "b"])
    assert abs(moments_of(frame).correlation[0, 1]) == pytest.approx(abs(frame.corr().iloc[0, 1]))


def test_weights_are_the_same_as_repeating_rows():
    frame = mixed_frame()
    counts = np.random.default_rng(2).integers(0, 4, len(frame))
    repeated = frame.loc[frame.index.repeat(counts)].reset_index(drop=True)
    one, other = moments_of(frame, counts.astype(float)), moments_of(repeated)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert canonical(one, first, second) == pytest.approx(canonical(other, first, second))


def canonical(moments, first, second):
    (low, high), (left, right) = (moments.starts[i : i + 2] for i in (first, second))
    return np.linalg.svd(moments.correlation[low:high, left:right], compute_uv=False)


def test_effective_size_is_kish_without_clusters_and_their_number_within():
    rng = np.random.default_rng(3)
    customers = np.repeat(np.arange(200), 5)
    frame = pd.DataFrame(
        {"trait": rng.normal(size=200)[customers], "other": rng.normal(size=200)[customers],
         "noise": rng.normal(size=1000)}
    )  # fmt: skip
    blocks = encode_blocks(frame)
    weights = rng.uniform(0.5, 2.0, 1000)
    kish = weights.sum() ** 2 / (weights**2).sum()
    assert np.allclose(effective_sizes(blocks, weights), kish)
    size = effective_sizes(blocks, np.ones(1000), customers)
    assert size[0, 1] == pytest.approx(200, rel=1e-6)
    assert size[0, 2] > 900


def test_effective_size_makes_the_clustered_test_honest():
    """Under independence of two customer traits, z = r sqrt(size) must have unit variance."""
    rng = np.random.default_rng(4)
    customers = np.repeat(np.arange(100), 8)
    z = []
    for _ in range(300):
        part = 0.7 * rng.normal(size=(100, 2))[customers] + 0.5 * rng.normal(size=(800, 2))
        found = moments_of(pd.DataFrame(part, columns=["a", "b"]), clusters=customers)
        z.append(found.correlation[0, 1] * np.sqrt(found.size[0, 1]))
    assert 0.8 < np.var(z) < 1.25


def test_constant_repeated_missing_and_skewed_columns_are_named():
    rng = np.random.default_rng(5)
    frame = mixed_frame()
    frame["same"] = 1.0
    frame["copy"] = -2.0 * frame["age"] + 1.0
    frame["copied"] = frame["region"].astype(str).map({"n": "x", "s": "y", "w": "z"})
    frame["spend"] = np.exp(2 * rng.normal(size=len(frame)))
    frame["income"] = np.where(rng.random(len(frame)) < 0.25, np.nan, rng.normal(size=len(frame)))
    blocks = encode_blocks(frame)
    found = {note.columns: note.kind for note in blocks.notes}
    assert found == {
        ("same",): "constant",
        ("copy", "age"): "duplicate",
        ("copied", "region"): "duplicate",
        ("spend",): "rank",
        ("income",): "missing",
    }
    width = dict(zip(blocks.names, np.diff(blocks.starts).tolist()))
    assert [width[name] for name in ("same", "copy", "copied")] == [0, 0, 0]
    assert np.isfinite(blocks.matrix).all()


def test_rare_levels_are_merged_and_said_so():
    levels = np.arange(600) % 60
    blocks = encode_blocks(pd.DataFrame({"shop": levels.astype(str)}))
    assert blocks.matrix.shape == (600, 29)
    assert blocks.notes[0].kind == "levels"


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.full(20, np.nan), "'bad' has no value"),
        (np.r_[np.inf, np.arange(19.0)], "'bad' holds infinite"),
        (pd.date_range("2020-01-01", periods=20), "'bad' is a date"),
    ],
)
def test_unusable_columns_are_refused_by_name(column, message):
    with pytest.raises(FrameError, match=message):
        encode_blocks(pd.DataFrame({"good": np.arange(20.0), "bad": column}))


def test_frames_without_rows_or_with_double_names_are_refused():
    with pytest.raises(FrameError, match="at least 10 rows"):
        encode_blocks(pd.DataFrame({"a": []}))
    with pytest.raises(FrameError, match="'a' appears twice"):
        encode_blocks(pd.DataFrame(np.zeros((20, 2)), columns=["a", "a"]))
    with pytest.raises(FrameError, match="strings"):
        encode_blocks(pd.DataFrame(np.zeros((20, 2))))
