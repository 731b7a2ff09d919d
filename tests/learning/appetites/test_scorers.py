"""What every model of taste must pass, whatever it is made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import sparse

from graphrec.learning.appetites.lightgcn import LightGCNConfig, fit_lightgcn
from graphrec.learning.appetites.recipes import EASE_LIMIT, RECIPES, check_histories
from graphrec.learning.appetites.scorers import Likeness, Links, Mixture, Scorer, Vectors, Weight, load_scorer
from graphrec.learning.appetites.topn import best_products
from graphrec.learning.archive import write_archive
from graphrec.market.tables import DataError

QUICK = LightGCNConfig(embedding_size=8, layers=2, epochs=30, batch_size=512)


def _mixture(histories: sparse.csr_array) -> Scorer:
    parts = tuple(RECIPES[name](histories) for name in ("filter", "likeness", "low-pass"))
    return Mixture.of(parts, (Weight(1.0, growth=0.5), Weight(0.3), Weight(0.1, growth=-1.0)), histories)


FITS: dict[str, Callable[[sparse.csr_array], Scorer]] = {
    **{name: fit for name, fit in RECIPES.items() if name not in ("als", "bpr") or find_spec("implicit")},
    "low-pass": partial(RECIPES["low-pass"], components=2),
    "lightgcn": lambda histories: fit_lightgcn(histories, QUICK, rng=0),
    "lightgcn, pairwise": lambda histories: fit_lightgcn(histories, LightGCNConfig(8, 2, "bpr", epochs=60), rng=0),
    "mixture": _mixture,
}
every = pytest.mark.parametrize("fit", FITS.values(), ids=FITS.keys())


def _checkerboard(n: int = 120, m: int = 20, seed: int = 0) -> tuple[sparse.csr_array, np.ndarray]:
    """Even customers buy half of the even products, odd customers half of the odd ones."""
    rng = np.random.default_rng(seed)
    same = (np.arange(n)[:, None] + np.arange(m)) % 2 == 0
    draws = np.where(same, rng.random((n, m)), 2.0)
    bought = draws <= np.sort(draws, axis=1)[:, [m // 4 - 1]]
    return sparse.csr_array(bought.astype(np.float32)), same


@every
def test_a_checkerboard_is_seen_by_all_but_popularity(fit, request) -> None:
    histories, same = _checkerboard()
    codes, _ = best_products(fit(histories), np.arange(120), 3, histories)
    right = same[np.arange(120)[:, None], codes].mean()
    if "popular" in request.node.callspec.id:
        assert right < 0.7
    else:
        assert right > 0.95


@every
def test_scores_are_finite_deterministic_and_do_not_depend_on_company(fit) -> None:
    histories, _ = _checkerboard()
    first, second = fit(histories), fit(histories)
    everyone = first.scores(np.arange(120))
    assert everyone.dtype == np.float32
    assert everyone.shape == (120, 20)
    assert np.isfinite(everyone).all()
    assert everyone.tobytes() == second.scores(np.arange(120)).tobytes()
    assert first.scores(np.array([7])) == pytest.approx(everyone[[7]], abs=1e-5)


@every
def test_what_was_seen_is_never_recommended(fit) -> None:
    histories, _ = _checkerboard()
    codes, scores = best_products(fit(histories), np.arange(120), 20, histories)
    seen = histories.toarray() > 0
    for row in range(120):
        shown = codes[row][codes[row] >= 0]
        assert len(shown) == len(set(shown)) == 20 - seen[row].sum()
        assert not seen[row][shown].any()
    assert np.isneginf(scores[codes < 0]).all()


@every
def test_somebody_unknown_gets_popularity_and_wrong_codes_are_refused(fit) -> None:
    histories, _ = _checkerboard()
    scorer = fit(histories)
    assert np.array_equal(scorer.scores(np.array([-1]))[0], scorer.popularity)
    codes, _ = best_products(scorer, np.array([-1, 3]), 20)
    assert np.diff(scorer.popularity[codes[0]]).max() <= 0
    for wrong in (-2, 120):
        with pytest.raises(DataError, match=f"customer code {wrong} does not exist"):
            scorer.scores(np.array([0, wrong]))


@every
def test_one_customer_empty_and_isolated_nodes_do_no_harm(fit) -> None:
    histories, _ = _checkerboard(40)
    lonely = histories.toarray()
    lonely[5] = 0.0
    lonely[:, 9] = 0.0
    isolated = fit(sparse.csr_array(lonely)).scores(np.arange(40))
    one = fit(sparse.csr_array(lonely[:1])).scores(np.array([0, -1]))
    empty = fit(sparse.csr_array((3, 20), dtype=np.float32)).scores(np.arange(3))
    assert all(np.isfinite(scores).all() for scores in (isolated, one, empty))
    assert np.ptp(empty) < 1.0


@every
def test_what_is_saved_is_what_is_loaded(fit, tmp_path) -> None:
    histories, _ = _checkerboard()
    scorer = fit(histories)
    scorer.save(tmp_path)
    scorer.save(tmp_path)
    loaded = load_scorer(tmp_path)
    assert loaded.scores(np.arange(-1, 120)).tobytes() == scorer.scores(np.arange(-1, 120)).tobytes()
    assert len(list(tmp_path.iterdir())) == 2


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_weights_that_are_no_weights_are_refused(fit, bad: float) -> None:
    histories, _ = _checkerboard(20)
    histories.data[3] = bad
    with pytest.raises(DataError, match="negative or not finite"):
        fit(histories)


def test_a_save_of_another_version_or_kind_is_refused(tmp_path) -> None:
    RECIPES["filter"](_checkerboard()[0]).save(tmp_path)
    path = tmp_path / "scorer.json"
    meta = json.loads(path.read_text())
    path.write_text(json.dumps(meta | {"format": 99}))
    with pytest.raises(DataError, match="99"):
        load_scorer(tmp_path)
    path.write_text(json.dumps(meta | {"scorer": meta["scorer"] | {"kind": "oracle"}}))
    with pytest.raises(DataError, match="'oracle'"):
        load_scorer(tmp_path)


def test_a_mixture_saved_without_lengths_is_refused(tmp_path) -> None:
    mixture = _mixture(_checkerboard()[0])
    meta, arrays = mixture.stored()
    del arrays["lengths"]
    write_archive(tmp_path, "scorer", {"scorer": meta}, arrays)
    with pytest.raises(DataError, match="fit and save again"):
        load_scorer(tmp_path)


def test_impossible_mixtures_and_sizes_are_refused() -> None:
    histories, _ = _checkerboard(20)
    part = RECIPES["popular"](histories)
    for weights in ((), (1.0, 1.0), (-1.0,), (float("nan"),)):
        with pytest.raises(DataError, match="one weight of at least"):
            Mixture.of((part,), [Weight(share) for share in weights], histories)
    with pytest.raises(DataError, match="local regressions"):
        RECIPES["ease"](sparse.csr_array((2, EASE_LIMIT + 1), dtype=np.float32))
    with pytest.raises(DataError, match="epochs"):
        LightGCNConfig(epochs=0)
    with pytest.raises(DataError, match="learning_rate is nan"):
        LightGCNConfig(learning_rate=float("nan"))
    with pytest.raises(DataError, match="loss"):
        LightGCNConfig(loss="hinge")


def test_a_missing_library_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "implicit.als", None)
    with pytest.raises(DataError, match="pip install implicit"):
        RECIPES["als"](_checkerboard(20)[0])


def test_repeated_entries_are_added_up() -> None:
    doubled = sparse.csr_array((np.ones(2), (np.zeros(2, int), np.zeros(2, int))), shape=(1, 2))
    assert check_histories(doubled).toarray().tolist() == [[2.0, 0.0]]


def test_the_kinds_of_model_are_as_few_as_they_can_be() -> None:
    histories, _ = _checkerboard(30)
    kinds = {name: type(fit(histories)) for name, fit in FITS.items()}
    assert set(kinds.values()) == {Links, Vectors, Likeness, Mixture}
