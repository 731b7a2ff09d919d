"""The main job: a folder of data in, a contact plan with causal reasons out.

Hides the order of the steps, what each leaves on disk, and how an interrupted run resumes. Every file is written
beside its place and renamed; the fitted model is kept with a fingerprint of data and settings, and a second run with
the same fingerprint starts from it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causal.ladder import Ladder
from graphrec import __version__
from graphrec.decisions.detection import detectable, planting_size
from graphrec.decisions.evidence import channel_ladders
from graphrec.decisions.explanation import CustomerExplanation, explain_customer
from graphrec.decisions.judgement import Judgement
from graphrec.decisions.policy import ContactPolicy, Plan, allocate
from graphrec.decisions.prescription import Prescriptions, prescribe
from graphrec.decisions.recommender import Recommender, RecommenderConfig, load_recommender
from graphrec.decisions.support import Support, heed_ladders, rank_by_support
from graphrec.learning.credibility.badcontrols import ControlAudit
from graphrec.learning.credibility.hidden import front_door_average
from graphrec.market.description import describe_market
from graphrec.market.ingestion import read_market
from graphrec.market.tables import DataError, Market
from graphrec.market.writing import check_writable, replacing, write_table, write_text
from graphrec.report import Findings, write_report
from ontology import load_ontology
from ontology.export import to_json

__all__ = ["JobSummary", "run_job"]

_STEPS = 9
_SCORED = 20
"""Rows kept for each customer in recommendations.parquet."""
_PRESCRIBED = 20
_PLANTED_SIZES = (1.0, 0.5, 0.25, 0.1)
_PLANTINGS = 2
_MOST_CELLS = 5_000_000
"""Cells (moments x customers) that all plantings together may fill unasked: about 40 seconds."""


@dataclass(frozen=True)
class JobSummary:
    """What a run did, as plain data.

    Attributes
    ----------
    out : str
        Output folder.
    files : tuple of str
        Files in it.
    basis, sentence : str
        What the ranking rests on.
    verdicts : dict of str to str
        Verdict of each channel's ladder.
    contacts : int
        Contacts in the plan.
    value : float
        Expected net value of the plan.
    seconds : dict of str to float
        Time of each step.
    resumed : bool
        Whether the model of an earlier run was used.
    """

    out: str
    files: tuple[str, ...]
    basis: str
    sentence: str
    verdicts: dict[str, str]
    contacts: int
    value: float
    seconds: dict[str, float] = field(default_factory=dict)
    resumed: bool = False


class _Steps:
    """Says on stderr which step runs and keeps the times."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.seconds: dict[str, float] = {}
        self._open: tuple[str, float] | None = None

    def __call__(self, name: str) -> None:
        self.close()
        if not self.quiet:
            sys.stderr.write(f"[{len(self.seconds) + 1}/{_STEPS}] {name}\n")
            sys.stderr.flush()
        self._open = (name, time.perf_counter())

    def close(self) -> None:
        """End the step that runs."""
        if self._open is not None:
            name, start = self._open
            self.seconds[name] = round(time.perf_counter() - start, 2)
            self._open = None


def run_job(
    data: str | Path,
    out: str | Path,
    *,
    config: RecommenderConfig | None = None,
    policy: ContactPolicy | None = None,
    seed: int = 0,
    fresh: bool = False,
    quiet: bool = False,
    plantings: int | None = None,
) -> JobSummary:
    """Run everything from reading the tables to the report.

    Parameters
    ----------
    data : path
        Folder with market.toml.
    out : path
        Folder for recommendations.parquet, plan.parquet, prescriptions.jsonl, graph.json, model/ and report.html.
    config : RecommenderConfig, optional
        Settings of the recommender.
    policy : ContactPolicy, optional
        Rules of the plan; by default one contact for each customer, and consent where the data know any.
    seed : int
        The same data, settings and seed give the same bytes.
    fresh : bool
        Fit again although a model of the same data and settings is there.
    quiet : bool
        No progress on stderr.
    plantings : int, optional
        Effects of known size planted into the data, for each of four sizes, to see which these data could show; 0 for
        none. By default two, fewer in a large market and none in a huge one.

    Raises
    ------
    DataError
        Unusable data, an output folder that cannot be written, or a negative number of plantings.
    """
    if plantings is not None and plantings < 0:
        raise DataError(f"plantings is {plantings}; use 0 for none, or a positive number")
    source, target = Path(data), Path(out)
    settings = config or RecommenderConfig(bootstraps=20)
    check_writable(target)
    streams = np.random.default_rng(seed).spawn(7)
    step = _Steps(quiet)
    step("Reading and checking the tables")
    market = read_market(source, progress=not quiet)
    if policy is not None:
        policy.check_channels(market.vocabulary.channels.ids)
    description = describe_market(market)
    step("Climbing the evidence ladder of each channel")
    ladders = channel_ladders(market, horizon_days=settings.horizon_days, rng=streams[1])
    step("Searching for planted effects")
    planted = _planted(market, plantings, settings.horizon_days, streams[6], quiet)
    step("Fitting appetite, causal graph and effects")
    model, resumed = _fitted(market, ladders, source, target, settings, seed, streams[0], fresh, quiet)
    write_text(target / "graph.json", model.graph.to_json())
    step("Scoring every customer, offer and channel")
    # By net value: the best by effect alone may all be of the dearest channel, and a plan chooses among them only.
    support = rank_by_support(model, model.recommend(n=_SCORED, by="net_value"), ladders, streams[2])
    write_table(target / "recommendations.parquet", support.scores)
    step("Allocating contacts under the policy")
    plan = allocate(support.scores, _policy(policy, market, support), market=market, rng=streams[3])
    write_table(target / "plan.parquet", plan.contacts)
    step("Prescribing for the first customers of the plan")
    customers = list(dict.fromkeys(plan.outgoing["customer_id"]))[:_PRESCRIBED]
    advice = prescribe(model, customers=customers or None, rng=streams[4])
    _write_prescriptions(target / "prescriptions.jsonl", advice)
    step("Explaining one customer")
    explained = [*customers, *(item.customer_id for item in advice.items)]
    explanation = _explanation(model, plan, support, explained, streams[5])
    step("Writing the report")
    judgement, audit = _doubts(model)
    front_door = None if model.effects.adjustment.identified else front_door_average(model.panel, model.graph)
    findings = Findings(
        title=f"Contact plan for {source.resolve().name.replace('_', ' ')}",
        description=description,
        model=model,
        ladders=ladders,
        scores=support.scores,
        plan=plan,
        prescriptions=advice,
        explanation=None if explanation is None else explanation.to_dict(),
        planted=planted,
        judgement=judgement,
        audit=audit,
        front_door=front_door,
        basis_sentence=support.sentence,
    )
    write_report(target / "report.html", findings)
    step.close()
    return _summary(target, support, ladders, plan, step.seconds, resumed)


def _doubts(model: Recommender) -> tuple[Judgement | None, ControlAudit | None]:
    """The guard and the audit; none where no effect is claimed, or too few customers are left to judge by."""
    if set(model.effects.grades.values()) == {"X"}:
        return None, None
    try:
        return model.judgement, model.audit
    except DataError:
        return None, None


def _planted(
    market: Market, plantings: int | None, horizon_days: int, rng: np.random.Generator, quiet: bool
) -> pd.DataFrame | None:
    """What would have been seen of known effects; None where none can be planted or it would take too long."""
    if plantings is None:
        affordable = _MOST_CELLS // max(planting_size(market), 1)
        plantings = min(_PLANTINGS, affordable // len(_PLANTED_SIZES))
    if plantings == 0:
        return None
    try:
        return detectable(
            market, _PLANTED_SIZES, repeats=plantings, horizon_days=horizon_days, rng=rng, progress=not quiet
        )
    except DataError:  # too short a history, or no purchase: the report says that nothing was planted
        return None


def _fitted(
    market: Market,
    ladders: Mapping[str, Ladder],
    source: Path,
    target: Path,
    config: RecommenderConfig,
    seed: int,
    rng: np.random.Generator,
    fresh: bool,
    quiet: bool,
) -> tuple[Recommender, bool]:
    """The model of an earlier run with the same fingerprint, or a new one."""
    stamp, folder = target / "model" / "fingerprint.txt", target / "model"
    fingerprint = _fingerprint(source, target, config, seed)
    if not fresh and stamp.is_file() and stamp.read_text() == fingerprint:
        return load_recommender(folder), True
    kept = target / "checkpoint"
    model = heed_ladders(Recommender(config).fit(market, rng=rng, progress=not quiet, checkpoint=kept), ladders)
    stamp.unlink(missing_ok=True)  # an old stamp must never vouch for a new model
    model.save(folder)
    shutil.rmtree(kept, ignore_errors=True)
    write_text(stamp, fingerprint)
    return model, False


def _fingerprint(source: Path, target: Path, config: RecommenderConfig, seed: int) -> str:
    """Hash of version, settings, ontology and data; what the run itself writes does not count, wherever it is put."""
    own = target.resolve()
    digest = hashlib.sha256(json.dumps([__version__, config.to_dict(), seed], sort_keys=True).encode())
    digest.update(to_json(load_ontology()).encode())
    for path in sorted(p for p in source.rglob("*") if p.is_file() and own not in p.resolve().parents):
        digest.update(str(path.relative_to(source)).encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _policy(policy: ContactPolicy | None, market: Market, support: Support) -> ContactPolicy:
    """The given policy, or one contact each with consent where consents are known."""
    if policy is not None:
        return policy
    # Ceilings are grade X by definition; they may be planned because the plan says that they are ceilings.
    excluded = () if support.basis == "ceiling" else ("X",)
    return ContactPolicy(max_contacts_per_customer=1, require_consent=len(market.consents) > 0, exclude_grades=excluded)


def _explanation(
    model: Recommender, plan: Plan, support: Support, customers: list[Any], rng: np.random.Generator
) -> CustomerExplanation | None:
    """Of the contact that the plan makes; of the first in the ranking where it makes none."""
    chosen = customers[0] if customers else support.scores["customer_id"].iloc[0]
    planned = plan.outgoing[plan.outgoing["customer_id"] == chosen]
    return explain_customer(model, chosen, support.scores if planned.empty else planned, rng)


def _write_prescriptions(path: Path, advice: Prescriptions) -> None:
    with replacing(path) as beside:
        advice.to_jsonl(beside)


def _summary(
    target: Path, support: Support, ladders: Any, plan: Plan, seconds: dict[str, float], resumed: bool
) -> JobSummary:
    for stale in target.glob("*.part"):
        shutil.rmtree(stale, ignore_errors=True) if stale.is_dir() else stale.unlink()
    return JobSummary(
        out=str(target),
        files=tuple(sorted(path.name for path in target.iterdir())),
        basis=support.basis,
        sentence=support.sentence,
        verdicts={channel: str(ladder.verdict) for channel, ladder in ladders.items()},
        contacts=len(plan.outgoing),
        value=float(plan.value),
        seconds=seconds,
        resumed=resumed,
    )
