"""A fitted recommender as a folder of JSON, safetensors, LightGBM text and Parquet.

Hides the format. Nothing is pickled, so loading runs no code from the folder. All parts are written into a folder of
their own, named by their content; ``recommender.json``, which names it, is replaced last, and only then is an older
state removed. So a save that is interrupted at any point leaves the model that was there, and other files in the folder
are never touched. The state holds the market's tables (without the words of the feedback), because scoring asks them
what was known at a moment; keep it as safe as the data it came from.

Every file is checked against its digest before any is read: LightGBM ends the whole process on a truncated tree, and
a truncated table could pass for a smaller one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causal.graph import CausalGraph
from causal.identification import Estimand
from graphrec.learning.adjustment import Adjustment
from graphrec.learning.appetite import Appetite
from graphrec.learning.archive import read_archive, write_archive
from graphrec.learning.credibility.comparability import Comparability
from graphrec.learning.credibility.falsification import NegativeControl
from graphrec.learning.credibility.form import FormError
from graphrec.learning.credibility.hidden import HiddenCause
from graphrec.learning.credibility.recalibration import Recalibration
from graphrec.learning.design import Design
from graphrec.learning.effects import EffectModel
from graphrec.learning.exposure import Exposure, read_propensity
from graphrec.learning.heads.registry import UpliftModel, read_head, store_head
from graphrec.learning.regressions.parts import NotStorable, Parts, join_parts
from graphrec.learning.response import StructuredUplift
from graphrec.learning.sideeffects import SideEffect
from graphrec.market.offers import Offers
from graphrec.market.panel import Panel
from graphrec.market.protection.erasure import RETRAIN_NOTE, needs_retraining
from graphrec.market.tables import TABLES, DataError, IdIndex, Market, Role

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["NotStorable", "read_recommender", "save_recommender"]

_FORMAT = 5
_STATE = re.compile(r"state-[0-9a-f]{12}")
_STALE = re.compile(r"state-[0-9a-f]{12}|state\.\d+\.part")


def save_recommender(model: Recommender, path: Path) -> Path:
    """Write a fitted recommender; see the module's text.

    Raises
    ------
    NotStorable
        A plugged-in head or model has no form that can be stored without pickle.
    DataError
        The folder cannot be written, or an identifier has no form in Parquet.
    """
    stored = _stored_effects(model.effects)
    beside = path / f"state.{os.getpid()}.part"
    try:
        shutil.rmtree(beside, ignore_errors=True)  # a killed process of the same number, as in containers
        beside.mkdir(parents=True)
        _write(model, stored, beside)
        _publish(beside, path, _description(model))
    except OSError as error:
        raise DataError(
            f"cannot write the model to {path}: {error.strerror or error}; choose another folder"
        ) from error
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a table of the model has no form in Parquet: {error}; make its columns of one type"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return path


def _publish(beside: Path, path: Path, description: dict[str, Any]) -> None:
    """Give the complete state its name, point to it, and only then remove older ones and what killed saves left."""
    found = sorted(place.relative_to(beside).as_posix() for place in beside.rglob("*") if place.is_file())
    files = {name: _digest(beside / name) for name in found}
    state = path / f"state-{hashlib.sha256(json.dumps(files).encode()).hexdigest()[:12]}"
    if not state.is_dir() or any(
        not (state / name).is_file() or _digest(state / name) != files[name] for name in found
    ):
        shutil.rmtree(state, ignore_errors=True)
        beside.replace(state)
    part = path / f"recommender.json.{os.getpid()}.part"
    part.write_text(json.dumps({**description, "state": state.name, "files": files}, indent=1))
    part.replace(path / "recommender.json")
    (path / RETRAIN_NOTE).unlink(missing_ok=True)  # it spoke of the model that was here before
    for stale in path.iterdir():
        if _STALE.fullmatch(stale.name) and stale != state:
            shutil.rmtree(stale, ignore_errors=True)


def _stored_effects(effects: EffectModel) -> Parts:
    """Arrays, texts and plain data of the head and of the exposure."""
    head, exposure = effects.model, effects.exposure
    if isinstance(head, StructuredUplift):
        arrays, texts, meta = head.to_parts()
        found = Parts({**arrays, "control_weights": exposure.control_weights}, texts, {**meta, "class": "structured"})
        return found
    name, parts = store_head(head)
    plain = {
        "clipped_share": exposure.clipped_share,
        "ess": exposure.ess,
        "contacted_range": exposure.contacted_range,
        "logged_share": exposure.logged_share,
    }
    joined = join_parts({"head": parts, "exposure": exposure.model.stored()}, {"class": name, "plain": plain})
    return Parts({**joined.arrays, "control_weights": exposure.control_weights}, joined.texts, joined.meta)


def _write(model: Recommender, stored: Parts, folder: Path) -> None:
    texts = stored.texts
    write_archive(folder, "effects", {"texts": sorted(texts), **stored.meta}, dict(stored.arrays))
    for name, text in sorted(texts.items()):
        (folder / f"{name}.lightgbm.txt").write_text(text)
    for effect in model.effects.side:
        own, plain = effect.to_parts()
        write_archive(folder, f"side-{effect.name}", plain, own)
    (folder / "graph.json").write_text(model.graph.to_json())
    model.panel.frame.to_parquet(folder / "panel.parquet", index=False)
    model.effects.exposure.balance.to_parquet(folder / "balance.parquet", index=False)
    if model.panel.offers is not None:
        _write_offers(model.panel.offers, folder)
    if model.appetite is not None:
        model.appetite.save(folder / "appetite")
    if model.market is not None:
        _write_market(model.market, folder / "market")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_files(folder: Path, files: dict[str, str]) -> None:
    """Refuse a folder in which a file is missing or not what was written."""
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{folder} is incomplete: {name} is missing; copy the whole folder, or fit and save again")
        if _digest(path) != digest:
            raise DataError(f"{path} is damaged: its content is not what was saved; fit and save again")


def _description(model: Recommender) -> dict[str, Any]:
    """Everything that is neither array nor table."""
    panel, effects = model.panel, model.effects
    adjustment = effects.adjustment
    return {
        "format": _FORMAT,
        "config": model.config.to_dict(),
        "panel": {
            "covariates": panel.covariates,
            "mediators": panel.mediators,
            "consequences": panel.consequences,
            "roles": dict(panel.roles),
            "treatment": panel.treatment,
            "outcome": panel.outcome,
            "control": panel.control,
            "horizon_days": panel.horizon_days,
            "left_out": dict(panel.left_out),
            "counts": dict(panel.counts),
        },
        "offers": None if panel.offers is None else {"kind": panel.offers.kind, "listed": panel.offers.listed},
        "effects": {
            "design": effects.design.to_dict(),
            "channels": effects.channels,
            "grades": effects.grades,
            "side": [effect.name for effect in effects.side],
            "check": asdict(effects.check),
            "form": effects.form.to_list(),
            "reasons": effects.reasons,
            "binary": effects.binary,
            "hidden": None if effects.hidden is None else effects.hidden.to_dict(),
            "comparability": None if effects.comparability is None else effects.comparability.to_dict(),
            "recalibration": None if effects.recalibration is None else effects.recalibration.to_dict(),
            "adjustment": {
                "columns": adjustment.columns,
                "adjustment_set": adjustment.adjustment_set,
                "excluded": dict(adjustment.excluded),
                "refusal": adjustment.refusal,
                "estimand": None if adjustment.estimand is None else asdict(adjustment.estimand),
            },
        },
    }


def _write_offers(offers: Offers, folder: Path) -> None:
    table = pd.DataFrame({"id": offers.index.ids, "price": offers.price, "category": offers.category})
    table.to_parquet(folder / "offers.parquet", index=False)
    links = pd.DataFrame({"product": offers.link_products, "offer": offers.link_offers})
    links.to_parquet(folder / "links.parquet", index=False)


def _write_market(market: Market, folder: Path) -> None:
    folder.mkdir()
    for name in TABLES:
        table = getattr(market, name)
        if name == "feedback":
            table = table.assign(text="")
        table.to_parquet(folder / f"{name}.parquet", index=False)
    roles = {column: asdict(role) for column, role in market.roles.items()}
    text = json.dumps({"roles": roles, "time_zone": market.time_zone}, indent=1, sort_keys=True)
    (folder / "market.json").write_text(text)


def read_recommender(path: Path) -> Recommender:
    """Read a folder written by `save_recommender`.

    Raises
    ------
    DataError
        The folder is missing, incomplete, damaged, or of another format version.
    """
    try:
        return _read(path, _read_description(path))
    except DataError:
        raise
    except Exception as error:  # Arrow, safetensors and LightGBM have error trees of their own; each is damage here
        raise DataError(f"{path} is incomplete or damaged: {error}; fit and save again") from error


def _read_description(path: Path) -> dict[str, Any]:
    """What recommender.json says, once its version and all files are found to be right."""
    described = path / "recommender.json"
    if (why := needs_retraining(path)) is not None:
        raise DataError(f"the model {path} was withdrawn: {why}; train it again, for example with `graphrec train`")
    if not described.is_file():
        raise DataError(f"{path} is not a saved recommender: recommender.json is missing; give the folder of save()")
    try:
        data = json.loads(described.read_text())
    except ValueError as error:
        raise DataError(f"{described} is damaged: {error}; fit and save again") from error
    found = data.get("format") if isinstance(data, dict) else None
    if found != _FORMAT:
        raise DataError(f"{path} has format {found!r}, this version reads {_FORMAT}; fit and save again")
    if not _STATE.fullmatch(str(data.get("state"))) or not isinstance(data.get("files"), dict):
        raise DataError(f"{described} is damaged: it names no state and its files; fit and save again")
    _check_files(path / data["state"], data["files"])
    return dict(data)


def _read(path: Path, data: dict[str, Any]) -> Recommender:
    from graphrec.decisions.recommender import Recommender, RecommenderConfig

    folder = path / data["state"]
    model = Recommender(RecommenderConfig(**data["config"]))
    market = _read_market(folder / "market") if (folder / "market").is_dir() else None
    appetite = Appetite.load(folder / "appetite") if (folder / "appetite").is_dir() else None
    graph = CausalGraph.from_json((folder / "graph.json").read_text())
    model.restore(_read_panel(folder, data), graph, _read_effects(folder, data["effects"]), market, appetite)
    return model


def _read_offers(folder: Path, described: dict[str, Any]) -> Offers:
    table, links = pd.read_parquet(folder / "offers.parquet"), pd.read_parquet(folder / "links.parquet")
    return Offers(
        kind=described["kind"],
        index=IdIndex(table["id"]),
        link_products=links["product"].to_numpy(np.int32),
        link_offers=links["offer"].to_numpy(np.int32),
        price=table["price"].to_numpy(np.float64),
        category=table["category"].to_numpy(np.int32),
        listed=described["listed"],
    )


def _read_market(folder: Path) -> Market:
    data = json.loads((folder / "market.json").read_text())
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    rejected = pd.DataFrame({"table": [], "row": [], "reason": [], "value": []})
    received = {name: len(table) for name, table in tables.items()}
    roles = {column: Role(**role) for column, role in data["roles"].items()}
    return Market(**tables, roles=roles, time_zone=data["time_zone"], rejected=rejected, received=received)


def _read_panel(folder: Path, data: dict[str, Any]) -> Panel:
    fields = dict(data["panel"])
    for name in ("covariates", "mediators", "consequences"):
        fields[name] = tuple(fields[name])
    offers = None if data["offers"] is None else _read_offers(folder, data["offers"])
    return Panel(frame=pd.read_parquet(folder / "panel.parquet"), offers=offers, **fields)


def _read_effects(path: Path, data: dict[str, Any]) -> EffectModel:
    meta, arrays = read_archive(path, "effects")
    texts = {name: (path / f"{name}.lightgbm.txt").read_text() for name in meta["texts"]}
    weights = arrays.pop("control_weights")
    balance = pd.read_parquet(path / "balance.parquet")
    head, exposure = _read_head(Parts(arrays, texts, meta), weights, balance)
    adjustment = data["adjustment"]
    estimand = adjustment["estimand"]
    return EffectModel(
        model=head,
        design=Design.from_dict(data["design"]),
        adjustment=Adjustment(
            columns=tuple(adjustment["columns"]),
            adjustment_set=tuple(adjustment["adjustment_set"]),
            excluded=adjustment["excluded"],
            refusal=adjustment["refusal"],
            estimand=None if estimand is None else Estimand(**_as_tuples(estimand)),
        ),
        exposure=exposure,
        check=NegativeControl(**data["check"]),
        channels=tuple(data["channels"]),
        grades=data["grades"],
        form=FormError.from_list(data["form"]),
        reasons=data["reasons"],
        binary=data["binary"],
        hidden=None if data["hidden"] is None else HiddenCause.from_dict(data["hidden"]),
        comparability=_read_comparability(data["comparability"], balance),
        recalibration=None if data["recalibration"] is None else Recalibration.from_dict(data["recalibration"]),
        side=tuple(_read_side(path, name) for name in data["side"]),
    )


def _read_side(path: Path, name: str) -> SideEffect:
    plain, arrays = read_archive(path, f"side-{name}")
    return SideEffect.from_parts(arrays, plain)


def _read_comparability(data: dict[str, Any] | None, balance: pd.DataFrame) -> Comparability | None:
    return None if data is None else Comparability.from_dict(data, balance)


def _read_head(stored: Parts, weights: np.ndarray, balance: pd.DataFrame) -> tuple[UpliftModel, Exposure]:
    meta = dict(stored.meta)
    if meta["class"] == "structured":
        head = StructuredUplift.from_parts(dict(stored.arrays), dict(stored.texts), meta, weights, balance)
        return head, head.exposure
    plain = meta["plain"]
    low, high = plain["contacted_range"]
    exposure = Exposure(
        read_propensity(stored.part("exposure")),
        weights,
        plain["clipped_share"],
        plain["ess"],
        (low, high),
        balance,
        logged_share=plain["logged_share"],
    )
    return read_head(meta["class"], stored.part("head")), exposure


def _as_tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
