from __future__ import annotations

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import graphrec
from graphrec.decisions import storage
from graphrec.decisions.storage import NotStorable, read_recommender, save_recommender
from graphrec.learning.baselines import fit_best_constant
from graphrec.market.tables import TABLES, DataError


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory) -> Path:
    return model.save(tmp_path_factory.mktemp("kept") / "deep" / "model")


@pytest.fixture(scope="module")
def loaded(saved):
    return graphrec.load_recommender(saved)


@pytest.fixture
def copy(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


class Killed(BaseException):
    """What no handler of errors sees."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def state_of(folder: Path) -> Path:
    return folder / json.loads((folder / "recommender.json").read_text())["state"]


def raised(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_recommender(folder)
    return str(caught.value)


def test_a_loaded_model_recommends_the_same_to_the_last_bit(model, loaded):
    pd.testing.assert_frame_equal(loaded.recommend(n=4), model.recommend(n=4), check_exact=True)
    request = {"n": 2, "customers": ["C007", "C002"], "as_of": "2024-06-01", "by": "net_value"}
    pd.testing.assert_frame_equal(loaded.recommend(**request), model.recommend(**request), check_exact=True)


def test_everything_that_can_be_read_off_a_model_comes_back(model, loaded):
    assert loaded.config == model.config
    assert loaded.graph.to_json() == model.graph.to_json()
    pd.testing.assert_frame_equal(loaded.panel.frame, model.panel.frame)
    for name in ("covariates", "mediators", "consequences", "treatment", "outcome", "control", "horizon_days"):
        assert getattr(loaded.panel, name) == getattr(model.panel, name)
    assert list(loaded.panel.roles.items()) == list(model.panel.roles.items())
    assert dict(loaded.panel.counts) == dict(model.panel.counts)
    for name in ("adjustment", "check", "channels", "grades", "design"):
        assert getattr(loaded.effects, name) == getattr(model.effects, name), name
    pd.testing.assert_frame_equal(loaded.effects.exposure.balance, model.effects.exposure.balance)
    assert loaded.effects.exposure.logged_share == model.effects.exposure.logged_share == 1.0
    for field in fields(model.panel.offers):
        if field.name != "index":
            np.testing.assert_array_equal(
                getattr(loaded.panel.offers, field.name), getattr(model.panel.offers, field.name)
            )
    assert loaded.panel.offers.index.ids.tolist() == model.panel.offers.index.ids.tolist()


def test_the_market_comes_back_without_the_words_of_the_feedback(model, loaded):
    for name in TABLES:
        expected = getattr(model.market, name)
        expected = expected.assign(text="") if name == "feedback" else expected
        pd.testing.assert_frame_equal(getattr(loaded.market, name), expected, check_dtype=name != "feedback")
    assert loaded.market.roles == model.market.roles and loaded.market.time_zone == model.market.time_zone


def test_the_same_model_gives_the_same_bytes(model, saved, tmp_path):
    assert contents(model.save(tmp_path / "again")) == contents(saved)


def test_saving_what_was_loaded_changes_nothing(loaded, saved, tmp_path):
    loaded.save(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(saved)


def test_nothing_is_pickled(saved):
    ends = {Path(name).suffix for name in contents(saved)}
    assert ends == {".json", ".parquet", ".safetensors", ".txt"}


def test_a_model_of_units_comes_back(unit_model, units, tmp_path):
    loaded = graphrec.load_recommender(unit_model.save(tmp_path / "model"))
    assert loaded.market is None and loaded.panel.offers is None
    pd.testing.assert_frame_equal(loaded.recommend(market=units), unit_model.recommend(market=units), check_exact=True)


def test_a_model_of_a_market_s_panel_scores_markets_after_loading(simulation, tmp_path):
    panel = graphrec.build_panel(simulation.market, rng=0)
    fitted = graphrec.Recommender().fit(panel, graph=simulation.truth.graph, rng=0)
    loaded = graphrec.load_recommender(fitted.save(tmp_path / "model"))
    scores = fitted.recommend(n=2, market=simulation.market)
    pd.testing.assert_frame_equal(loaded.recommend(n=2, market=simulation.market), scores, check_exact=True)


def test_a_newer_model_replaces_an_older_one_and_nothing_else(model, unit_model, tmp_path):
    folder = tmp_path / "model"
    unit_model.save(folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "state-of-the-art").mkdir()
    old = state_of(folder)
    model.save(folder)
    assert read_recommender(folder).market is not None
    assert not old.exists() and (folder / "notes.txt").read_text() == "mine" and (folder / "state-of-the-art").is_dir()
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("step", ["_write_market", "_digest", "_description", "_publish"])
def test_an_interrupted_save_leaves_the_older_model(model, unit_model, units, tmp_path, monkeypatch, step):
    folder = unit_model.save(tmp_path / "model")
    before = contents(folder)

    def interrupt(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(storage, step, interrupt)
    with pytest.raises(Killed):
        save_recommender(model, folder)
    monkeypatch.undo()
    assert contents(folder) == before
    assert read_recommender(folder).recommend(n=1, market=units).equals(unit_model.recommend(n=1, market=units))


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_save_killed_between_its_renames_leaves_a_whole_model(model, unit_model, tmp_path, monkeypatch, renames):
    """The first rename publishes the new state, the second points to it."""
    folder = unit_model.save(tmp_path / "model")
    done = []
    rename = Path.replace

    def killed(self: Path, target: Path) -> Path:
        own = self.parent == folder
        if own and len(done) == renames:
            raise Killed
        done.extend([target] if own else [])
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    if renames < 2:
        with pytest.raises(Killed):
            save_recommender(model, folder)
    else:
        save_recommender(model, folder)
    monkeypatch.undo()
    assert (read_recommender(folder).market is None) == (renames < 2)


def test_what_a_killed_save_left_behind_does_not_stand_in_the_way(unit_model, tmp_path):
    folder = unit_model.save(tmp_path / "model")
    for number in (storage.os.getpid(), 1):
        (folder / f"state.{number}.part").mkdir()
        (folder / f"state.{number}.part" / "half.parquet").write_text("half")
    assert unit_model.save(folder) == folder
    assert not list(folder.glob("*.part"))
    read_recommender(folder)


def test_saving_again_repairs_a_damaged_state(unit_model, units, tmp_path):
    folder = unit_model.save(tmp_path / "model")
    (state_of(folder) / "panel.parquet").write_bytes(b"junk")
    unit_model.save(folder)
    assert read_recommender(folder).recommend(n=1, market=units).equals(unit_model.recommend(n=1, market=units))


def test_a_head_without_a_form_makes_save_refuse_by_name(unit_model, tmp_path):
    head = graphrec.Recommender(head=fit_best_constant).fit(unit_model.panel, graph=unit_model.graph, rng=0)
    with pytest.raises(NotStorable, match=r"BestConstant has no form .* refit without head="):
        head.save(tmp_path / "model")
    assert not (tmp_path / "model").exists() and issubclass(NotStorable, ValueError)


@pytest.mark.parametrize("place", ["outcome_model", "propensity_model"])
def test_a_plugged_in_model_makes_save_refuse_by_name(unit_model, tmp_path, place):
    plugged = {place: LogisticRegression()}
    model = graphrec.Recommender(head="x", **plugged).fit(unit_model.panel, graph=unit_model.graph, rng=0)
    with pytest.raises(NotStorable, match=f"the {place.replace('_', ' ')} LogisticRegression has no form"):
        model.save(tmp_path / "model")


@pytest.mark.parametrize("head", ["t", "x", "dr", "ips", "snips", "response", "appetite", "all-columns t"])
def test_a_named_head_comes_back(unit_model, units, tmp_path, head):
    fitted = graphrec.Recommender(head=head).fit(unit_model.panel, graph=unit_model.graph, rng=0)
    loaded = graphrec.load_recommender(fitted.save(tmp_path / "model"))
    assert loaded.config.head == head
    pd.testing.assert_frame_equal(loaded.recommend(market=units), fitted.recommend(market=units), check_exact=True)
    assert contents(loaded.save(tmp_path / "again")) == contents(tmp_path / "model")


def test_an_unfitted_model_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        graphrec.Recommender().save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_folder_that_cannot_be_written_is_named(unit_model, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(DataError, match=r"cannot write the model to .*file.*choose another folder"):
            unit_model.save(place)
    assert (tmp_path / "file").read_text() == "mine"

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(DataError, match="Permission denied"):
        unit_model.save(tmp_path / "model")


def test_a_full_disk_leaves_nothing_half_written(unit_model, tmp_path, monkeypatch):
    folder = unit_model.save(tmp_path / "model")
    before = contents(folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(DataError, match="No space left"):
        unit_model.save(folder)
    assert contents(folder) == before


def test_a_missing_or_empty_folder_is_not_a_model(tmp_path):
    assert "recommender.json is missing" in raised(tmp_path / "nowhere")
    assert "recommender.json is missing" in raised(tmp_path)
    (tmp_path / "file").write_text("")
    assert "recommender.json is missing" in raised(tmp_path / "file")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 3}', b'{"format": 3, "state": "../x"}']
)
def test_a_damaged_description_is_refused(copy, content):
    (copy / "recommender.json").write_bytes(content)
    text = raised(copy)
    assert "save again" in text


def test_a_state_outside_the_folder_is_never_read(copy):
    described = json.loads((copy / "recommender.json").read_text())
    (copy / "recommender.json").write_text(json.dumps(described | {"state": f"../copy/{described['state']}"}))
    assert "names no state" in raised(copy)


def test_another_version_says_which(copy):
    described = json.loads((copy / "recommender.json").read_text())
    (copy / "recommender.json").write_text(json.dumps(described | {"format": 99}))
    assert "has format 99, this version reads" in raised(copy)


def test_every_missing_or_truncated_file_is_found(copy):
    """LightGBM would end the process on a truncated tree, so this must be found before reading."""
    state = state_of(copy)
    for path in sorted(p for p in state.rglob("*") if p.is_file()):
        whole, name = path.read_bytes(), path.relative_to(state).as_posix()
        path.write_bytes(whole[: len(whole) // 2])
        assert "damaged" in raised(copy) and path.name in raised(copy), name
        path.unlink()
        assert f"{name} is missing" in raised(copy), name
        path.write_bytes(whole)
    read_recommender(copy)


def test_a_setting_of_no_sense_is_damage(copy):
    described = json.loads((copy / "recommender.json").read_text())
    for broken in ({"config": {"level": 7}}, {"config": {"unknown": 1}}, {"effects": {}}, {"panel": {}}):
        (copy / "recommender.json").write_text(json.dumps(described | broken))
        assert "incomplete or damaged" in raised(copy)


def test_identifiers_of_mixed_types_are_stored_or_refused_with_the_remedy(model, tmp_path):
    mixed = model.market.customers.assign(customer_id=lambda t: [1, *t["customer_id"][1:]])
    odd = graphrec.Recommender()
    odd.restore(model.panel, model.graph, model.effects, replace(model.market, customers=mixed), model.appetite)
    with pytest.raises(DataError, match=r"no form in Parquet.*one type"):
        odd.save(tmp_path / "model")
    assert not list((tmp_path / "model").iterdir())
