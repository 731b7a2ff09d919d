"""A segmentation as a folder of safetensors, Parquet and JSON.

Hides the format. Nothing is pickled, so loading runs no code from the folder; the JSON file is written last, so a save
that was interrupted is noticed. The customers' table holds identifiers: keep the folder as safe as the events.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.market.segmentation.habitmeasures import Prices
from graphrec.market.segmentation.habitscale import HabitScale
from graphrec.market.segmentation.mixture import Mixture
from graphrec.market.segmentation.rulecard import Rule, RuleCard
from graphrec.market.segmentation.trustworthiness import Yardstick
from graphrec.market.tables import DataError
from graphrec.market.writing import replacing, write_table, write_text

if TYPE_CHECKING:
    from graphrec.market.segmentation.customersegments import Segmentation

__all__ = ["load_segmentation", "save_segmentation"]

_FORMAT = 1
_TABLES = ("customers", "profiles", "reliability", "choice", "stability", "months", "assigners", "habits")
_PLAIN = ("minimum_events", "least_probability", "found", "agreement", "reached", "time_zone")


def save_segmentation(found: Segmentation, path: Path) -> Path:
    """Write everything; the file segmentation.json comes last."""
    from safetensors.numpy import save_file

    for name in _TABLES:
        write_table(path / f"{name}.parquet", getattr(found, name))
    write_table(path / "migration.parquet", found.migration.rename(columns=str))
    by = found.yardstick
    write_table(path / "prices.parquet", pd.DataFrame({"category": by.prices.names.astype(str)}))
    arrays = {
        "price_mean": by.prices.mean, "price_spread": by.prices.spread,
        "pooled": by.scale.pooled, "used": by.scale.used, "base": by.scale.base,
        "spread": by.scale.spread, "chance": by.scale.chance, "share": by.mixture.share, "mean": by.mixture.mean,
        "variance": by.mixture.spread,
    }  # fmt: skip
    with replacing(path / "model.safetensors") as beside:
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, beside)
    rules = [{"conditions": rule.conditions, "segment": rule.segment, "customers": rule.customers, "right": rule.right}
             for rule in found.rule_card.rules]  # fmt: skip
    card = {"rules": rules, "fidelity": found.rule_card.fidelity, "majority": found.rule_card.majority,
            "customers": found.rule_card.customers}  # fmt: skip
    facts = {name: getattr(found, name) for name in _PLAIN}
    told = {
        "format": _FORMAT,
        "rule_card": card,
        "set_aside": dict(found.set_aside),
        "loglik": by.mixture.loglik,
    } | facts
    write_text(path / "segmentation.json", json.dumps(told, indent=1, default=float))
    return path


def load_segmentation(path: Path) -> Segmentation:
    """Read what `save_segmentation` wrote.

    Raises
    ------
    DataError
        Not such a folder, a missing or damaged file, or another format.
    """
    from safetensors.numpy import load_file

    from graphrec.market.segmentation.customersegments import Segmentation

    try:
        told = json.loads((path / "segmentation.json").read_text(encoding="utf-8"))
        if told.get("format") != _FORMAT:
            raise DataError(f"{path} has the format {told.get('format')}; this version reads {_FORMAT}")
        tables: dict[str, Any] = {name: pd.read_parquet(path / f"{name}.parquet") for name in _TABLES}
        migration = pd.read_parquet(path / "migration.parquet")
        arrays = load_file(path / "model.safetensors")
        names = pd.read_parquet(path / "prices.parquet")["category"].to_numpy(dtype=object)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no folder of a saved segmentation: {error}") from error
    size = np.arange(1, len(migration) + 1)
    scale = HabitScale(
        arrays["pooled"], arrays["used"], arrays["base"], arrays["spread"], arrays["chance"], tables["habits"]
    )
    mixture = Mixture(arrays["share"], arrays["mean"], arrays["variance"], float(told["loglik"]))
    card = told["rule_card"]
    rules = tuple(
        Rule(tuple((str(n), str(s), float(v)) for n, s, v in rule["conditions"]), rule["segment"], rule["customers"],
             float(rule["right"]))
        for rule in card["rules"]
    )  # fmt: skip
    return Segmentation(
        **tables,
        migration=pd.DataFrame(migration.to_numpy(), index=size, columns=size),
        rule_card=RuleCard(rules, card["fidelity"], card["majority"], card["customers"]),
        set_aside=told["set_aside"],
        yardstick=Yardstick(Prices(names, arrays["price_mean"], arrays["price_spread"]), scale, mixture),
        **{name: told[name] for name in _PLAIN},
    )
