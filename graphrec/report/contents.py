"""What a report is made of: the result objects of the packages below, any of which may be missing.

Hides nothing but the checking: every part is what another package returns, unchanged. A report of plain dictionaries
was considered; then nobody would know which figure is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

if TYPE_CHECKING:
    from causal.estimators.effect import Effect
    from causal.graph import CausalGraph
    from causal.ladder import Ladder
    from graphrec.decisions.judgement import Judgement
    from graphrec.decisions.policy import Plan
    from graphrec.learning.credibility.badcontrols import ControlAudit
    from graphrec.learning.effects import EffectModel
    from graphrec.market.description import MarketDescription
    from graphrec.market.panel import Panel
    from ontology.domain import Ontology

__all__ = ["Findings", "FittedModel", "ReportError", "as_records"]


_PLANTED = ("channel", "size", "effect", "repeats", "estimated", "detected", "bias", "coverage", "naive_bias")


class ReportError(ValueError):
    """A part of the findings is not what its name says; the message names it and what was expected."""


class FittedModel(Protocol):
    """What the report reads off a fitted `graphrec.Recommender`."""

    @property
    def panel(self) -> Panel:
        """Rows the model was fitted on."""

    @property
    def graph(self) -> CausalGraph:
        """Causal graph that chose the columns."""

    @property
    def effects(self) -> EffectModel:
        """Effect model with adjustment, exposure and negative control."""


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything a report can show. Each part may be left out; its page then says so.

    Parameters
    ----------
    title : str
        Heading of the report.
    description : MarketDescription, optional
        From `graphrec.market.description.describe_market`.
    model : fitted recommender, optional
        Anything with `panel`, `graph` and `effects`.
    ladders : mapping of str to Ladder
        Evidence for each channel, from `causal.evidence_ladder`.
    scores : pandas.DataFrame, optional
        From `Recommender.recommend`.
    plan : Plan, optional
        From `graphrec.allocate`.
    prescriptions : iterable of mapping or dataclass, or an object with ``to_frame()``
        From `graphrec.prescribe`: customer_id, offer, lever, from, to, effect, low, high, cost, net_value, grade,
        sentence, alternatives, blocked.
    explanation : mapping, optional
        One customer: ``customer``, ``offer``, ``channel``; ``base``, ``prediction`` and ``contributions`` (column to
        number) of the response model, in ``scale`` ("log-odds" or "probability"); ``effect``, ``low``, ``high`` of the
        contact; ``reasons``, sentences.
    planted : pandas.DataFrame, optional
        From `graphrec.decisions.detection.detectable`: what the method found of effects planted into these data.
    judgement : Judgement, optional
        From `Recommender.judgement`: the guard, and whether predicted effects are right in size.
    audit : ControlAudit, optional
        From `Recommender.audit`: columns that were kept out, and what they would have done.
    front_door : Effect, optional
        From `graphrec.learning.credibility.hidden.front_door_average`: the average effect through mediators,
        where no columns can be adjusted for.
    basis_sentence : str
        What the ranking rests on, in a sentence; the column ``basis`` of the scores ("effect", "ceiling" or "none")
        decides how figures are named.
    ontology : Ontology, optional
        Meaning of the columns' classes; the packaged ontology by default.
    currency : str
        Printed after amounts of money.
    made_on : str
        Date printed on the first page. It is not read from the clock, so that the same findings give the same bytes.

    Raises
    ------
    ReportError
        A part is of the wrong kind.
    """

    title: str = "Contact plan with causal reasons"
    description: MarketDescription | None = None
    model: FittedModel | None = None
    ladders: Mapping[str, Ladder] | None = field(default_factory=dict)
    scores: pd.DataFrame | None = None
    plan: Plan | None = None
    prescriptions: Iterable[Any] | Any = ()
    explanation: Mapping[str, Any] | None = None
    planted: pd.DataFrame | None = None
    judgement: Judgement | None = None
    audit: ControlAudit | None = None
    front_door: Effect | None = None
    basis_sentence: str = ""
    ontology: Ontology | None = None
    currency: str = ""
    made_on: str = ""

    def __post_init__(self) -> None:
        _check_attributes("model", self.model, ("panel", "graph", "effects"))
        _check_attributes("judgement", self.judgement, ("guard", "calibration"))
        _check_attributes("audit", self.audit, ("rejected", "table"))
        _check_attributes("front_door", self.front_door, ("value", "interval", "naive", "assumptions"))
        _check_attributes("description", self.description, ("tables", "channels", "findings"))
        _check_attributes("plan", self.plan, ("contacts", "outgoing", "left_out", "binding"))
        for name in ("scores", "planted"):
            part = getattr(self, name)
            if part is not None and not isinstance(part, pd.DataFrame):
                raise ReportError(f"{name} is a {type(part).__name__}; give a pandas DataFrame or None")
        lacking = [] if self.planted is None else [name for name in _PLANTED if name not in self.planted.columns]
        if lacking:
            raise ReportError(f"planted lacks the columns {', '.join(lacking)}; give the table of detectable() or None")
        for name in ("ladders", "explanation"):
            part = getattr(self, name)
            if part is not None and not isinstance(part, Mapping):
                raise ReportError(f"{name} is a {type(part).__name__}; give a mapping or None")
        object.__setattr__(self, "prescriptions", tuple(as_records(self.prescriptions)))
        object.__setattr__(self, "ladders", dict(self.ladders or {}))

    @property
    def known_ontology(self) -> Ontology:
        """The ontology given, or the packaged one."""
        if self.ontology is not None:
            return self.ontology
        from ontology import load_ontology

        return load_ontology()

    @property
    def basis(self) -> str:
        """What rank 1 is first in: ``"effect"``, ``"ceiling"`` (an upper bound of it) or ``"none"``."""
        for table in (self.scores, None if self.plan is None else self.plan.contacts):
            if table is not None and "basis" in table.columns and len(table):
                return str(table["basis"].iloc[0])
        return "effect"


def as_records(parts: Iterable[Any] | Any) -> list[dict[str, Any]]:
    """Prescriptions as dictionaries, from dictionaries, dataclasses, a data frame or an object with ``to_frame()``.

    Examples
    --------
    >>> as_records([{"lever": "email"}]), as_records(None)
    ([{'lever': 'email'}], [])
    """
    if parts is None:
        return []
    items = getattr(parts, "items", None)
    if isinstance(items, (list, tuple)):
        return [_as_record(part) for part in items]
    if hasattr(parts, "to_frame") and not isinstance(parts, Mapping):
        parts = parts.to_frame()
    if isinstance(parts, pd.DataFrame):
        return [{str(key): value for key, value in row.items()} for row in parts.to_dict(orient="records")]
    return [_as_record(part) for part in parts]


def _as_record(part: Any) -> dict[str, Any]:
    if isinstance(part, Mapping):
        return dict(part)
    if hasattr(part, "to_dict"):
        return dict(part.to_dict())
    if is_dataclass(part) and not isinstance(part, type):
        return asdict(part)
    raise ReportError(f"a prescription is a {type(part).__name__}; give dictionaries, dataclasses or a data frame")


def _check_attributes(name: str, part: object, needed: tuple[str, ...]) -> None:
    if part is None:
        return
    missing = [attribute for attribute in needed if not hasattr(type(part), attribute) and not hasattr(part, attribute)]
    if missing:
        raise ReportError(f"{name} is a {type(part).__name__} without {', '.join(missing)}; give None to leave it out")
