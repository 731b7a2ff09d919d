"""From the best moves of a search to prescriptions: figures, grade, path, alternatives, reasons and the sentence.

Hides where each part of a prescription comes from. A contact alone carries the effect model's interval and grade; as
soon as structural equations have a say the grade is C and there is no interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causal.graph import CausalGraph
from graphrec.decisions.prescriptions.collection import Prescriptions
from graphrec.decisions.prescriptions.mechanism import Mechanism
from graphrec.decisions.prescriptions.moves import Moves, Option
from graphrec.decisions.prescriptions.phrasing import ARROW, Wording, figure
from graphrec.decisions.prescriptions.promises import DO_NOTHING, Move, Prescription
from graphrec.decisions.repertoire import tried_offers
from graphrec.decisions.scoring import uplift_interval
from graphrec.decisions.subjects import Subjects
from graphrec.market.panel import Panel
from ontology.domain import Ontology

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["Draft", "Evidence"]

Floats = NDArray[np.float64]
_ALTERNATIVES = 3
_PATHS = 3
_STAY = {"lever": DO_NOTHING, "from": None, "to": None, "effect": 0.0, "net_value": 0.0, "grade": ""}


@dataclass(frozen=True)
class Evidence:
    """How far the effect of a channel can be trusted.

    Attributes
    ----------
    grade : {"A", "B", "C", "X"}
        Randomised; adjusted and not refuted; by the model only; not identifiable.
    reason : str
        Why, as a clause.
    """

    grade: str
    reason: str


@dataclass(frozen=True, eq=False)
class Draft:
    """Turns the search into prescriptions, a customer at a time."""

    model: Recommender
    mechanism: Mechanism
    subjects: Subjects
    evidence: Mapping[str, Evidence]
    moves: Moves
    onto: Ontology

    def write(self) -> Prescriptions:
        """One prescription for each subject."""
        blocked = {**self.mechanism.blocked, **self.moves.blocked, **self._refused()}
        contact = _contact_figures(self.model, self.subjects)
        ranked = self.moves.ranked()
        paths = {column: _paths(self.model.panel, self.mechanism.graph, column) for column in self._moved()}
        rows = range(len(self.subjects.ids))
        items = [self._one(row, _Known(contact, paths, blocked), ranked[row]) for row in rows]
        return Prescriptions(tuple(items), blocked)

    @cached_property
    def _words(self) -> Wording:
        return Wording.of(self.model.panel)

    def _moved(self) -> list[str]:
        """Every lever of every option."""
        return list(dict.fromkeys(column for option in self.moves.options for column in option.columns))

    def _refused(self) -> dict[str, str]:
        """Why the contact is no lever, or some of its channels are not."""
        refused = {channel: e.reason for channel, e in self.evidence.items() if e.grade == "X"}
        if len(refused) == len(self.evidence):
            return {self.model.panel.treatment: next(iter(refused.values()))}
        return {f"{self.model.panel.treatment} = {channel}": reason for channel, reason in refused.items()}

    def _one(self, row: int, known: _Known, ranked: NDArray[np.int64]) -> Prescription:
        customer, offer = self.subjects.ids[row], self.subjects.offers[row]
        chosen = int(self.moves.chosen[row])
        facts = _nothing(self.model.config.level) if chosen < 0 else self._facts(row, chosen, known)
        moves: tuple[Move, ...] = facts.pop("moves")
        reasons = self._reasons(row, known.blocked)
        others = [self._summary(row, int(k), known) for k in ranked if k != chosen and self._worth_telling(row, int(k))]
        words = self._words
        if moves:
            sentence = words.advise(customer, offer, moves, facts)
        else:
            sentence = words.refrain(customer, self._why_nothing(others, reasons))
        if moves:
            others.append(
                {"lever": "do nothing", "from": None, "to": None, "effect": 0.0, "net_value": 0.0, "grade": ""}
            )
        others += self._other_offers(row)
        others.sort(key=lambda other: -other["net_value"])
        return Prescription(
            customer_id=customer,
            offer=offer,
            moves=moves,
            alternatives=tuple(others[:_ALTERNATIVES]),
            blocked=reasons,
            sentence=sentence,
            **facts,
        )

    def _facts(self, row: int, k: int, known: _Known) -> dict[str, Any]:
        """Everything about one option of one row."""
        option, panel = self.moves.options[k], self.model.panel
        moves = _moves(option, row)
        only_contact = option.columns == (panel.treatment,)
        channels = [str(move.after) for move in moves if move.lever == panel.treatment]
        grade, reason = "C", "the change comes from equations fitted along the graph"
        low: float | None = None
        high: float | None = None
        if only_contact:
            grade, reason = self._contact_grade(row, channels[0], known.contact)
            low, high = known.contact.interval(row, channels[0])
        elif channels:
            alone = self._contact_grade(row, channels[0], known.contact)[0]
            reason = f"the contact alone would be {alone}, the rest comes from equations fitted along the graph"
        return {
            "moves": moves,
            "effect": float(option.change[row]),
            "low": low,
            "high": high,
            "level": self.model.config.level,
            "cost": float(option.cost[row]),
            "net_value": float(option.net_gain[row]),
            "through": tuple(path for column in option.columns for path in known.paths[column]),
            "grade": grade,
            "reason": reason,
        }

    def _worth_telling(self, row: int, k: int) -> bool:
        """A possible option, unless one model sees a gain in it that the other does not."""
        net = self.moves.options[k].net_gain[row]
        return bool(np.isfinite(net) and (self.moves.confirmed[row, k] or net <= 0))

    def _contact_grade(self, row: int, channel: str, contact: _Contact) -> tuple[str, str]:
        evidence = self.evidence[channel]
        if evidence.grade == "B" and not contact.supported[row]:
            return "C", "hardly any contact was like this one, in customer and offer: the model extrapolates"
        return evidence.grade, evidence.reason

    def _summary(self, row: int, k: int, known: _Known) -> dict[str, Any]:
        """One alternative in plain values."""
        facts = self._facts(row, k, known)
        moves: tuple[Move, ...] = facts["moves"]
        several = len(moves) > 1
        return {
            "lever": " + ".join(move.lever for move in moves),
            "from": " + ".join(figure(move.before) for move in moves) if several else moves[0].before,
            "to": " + ".join(figure(move.after) for move in moves) if several else moves[0].after,
            "effect": facts["effect"],
            "net_value": facts["net_value"],
            "grade": facts["grade"],
        }

    def _other_offers(self, row: int) -> list[dict[str, Any]]:
        """Contacts about other offers."""
        panel, scores = self.model.panel, self.subjects.others[row]
        return [
            {
                "lever": panel.treatment,
                "from": panel.control,
                "to": f"{score['channel']} about {score['offer']}",
                "effect": float(score["uplift"]),
                "net_value": float(score["net_value"]),
                "grade": str(score["grade"]),
            }
            for score in scores
        ]

    def _reasons(self, row: int, blocked: Mapping[str, str]) -> dict[str, str]:
        """Levers and tempting columns that stay, with the reason; immutable traits and history are not repeated."""
        panel = self.model.panel
        levers = {lever.column for lever in self.onto.levers(_known_roles(panel))}
        tempting = {*panel.mediators, *panel.consequences, *levers}
        reasons = {name: why for name, why in blocked.items() if name.split(" = ")[0] in tempting}
        for option in self.moves.options:
            if len(option.columns) == 1 and not np.isfinite(option.net_gain[row]):
                reasons[option.columns[0]] = "no value it may move to was usual for customers like this one"
        return reasons

    def _why_nothing(self, others: Sequence[Mapping[str, Any]], reasons: Mapping[str, str]) -> str:
        if others:
            best = max(others, key=lambda other: float(other["net_value"]))
            to = f" to {figure(best['to'])}"
            return f"the best move ({best['lever']}{to}) would net {best['net_value']:+.2f} after its cost"
        if self.moves.options:
            return "no move shows a gain on customers other than those it was found with"
        said = [f"{name}: {why}" for name, why in reasons.items() if name not in self.model.panel.consequences]
        return "every lever is blocked" + (f" ({'; '.join(said[:3])})" if said else "")


def _moves(option: Option, row: int) -> tuple[Move, ...]:
    return tuple(
        Move(column, _scalar(before[row]), _scalar(after[row]))
        for column, before, after in zip(option.columns, option.before, option.after)
    )


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _nothing(level: float) -> dict[str, Any]:
    return {
        "moves": (), "effect": 0.0, "low": None, "high": None, "level": level, "cost": 0.0, "net_value": 0.0,
        "through": (), "grade": "", "reason": "",
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Contact:
    """Intervals and support of the contact for every subject."""

    channels: tuple[str, ...]
    low: Floats
    high: Floats
    supported: NDArray[np.bool_]

    def interval(self, row: int, channel: str) -> tuple[float | None, float | None]:
        """Interval of one subject's channel; None where the method gives none."""
        column = self.channels.index(channel)
        low, high = float(self.low[row, column]), float(self.high[row, column])
        return (low, high) if np.isfinite(low) and np.isfinite(high) else (None, None)


@dataclass(frozen=True, eq=False)
class _Known:
    """What holds for all subjects: figures of contacts, paths of levers, reasons of what is blocked."""

    contact: _Contact
    paths: Mapping[str, tuple[str, ...]]
    blocked: Mapping[str, str]


def _contact_figures(model: Recommender, subjects: Subjects) -> _Contact:
    effects = model.effects
    matrix = effects.design.transform(subjects.rows)
    response = effects.doubted(effects.model.predict(matrix), matrix)
    known = np.full(response.p_contact.shape, "")  # what is not identifiable is not advised
    low, high = uplift_interval(
        response.p_organic[:, None],
        response.p_contact,
        response.se,
        model.config.level,
        known,
        hidden=effects.hidden,
        binary=effects.binary,
    )
    supported = np.asarray(effects.exposure.supported(matrix), dtype=bool) & _tried(model.panel, subjects.offers)
    return _Contact(effects.channels, low, high, supported)


def _tried(panel: Panel, offers: Sequence[Any]) -> NDArray[np.bool_]:
    """Whether some contact of the training rows was about each subject's offer; a ready-made table has one offer."""
    if panel.offers is None:
        return np.ones(len(offers), dtype=bool)
    codes = panel.offers.index.encode(offers)
    return np.asarray((codes >= 0) & tried_offers(panel.offers, panel)[codes])


def _paths(panel: Panel, graph: CausalGraph, column: str) -> tuple[str, ...]:
    """Directed paths to the outcome through what can still respond, shortest first."""
    import networkx as nx

    inside = {column, *panel.mediators, panel.outcome}
    whole = graph.to_networkx()
    network = whole.subgraph([node for node in graph.nodes if node in inside])
    if column not in network or not nx.has_path(network, column, panel.outcome):
        return ()
    found = islice(nx.shortest_simple_paths(network, column, panel.outcome), _PATHS)
    return tuple(ARROW.join(path) for path in found)


def _known_roles(panel: Panel) -> dict[str, str]:
    return {column: name for column, name in panel.roles.items() if column in panel.frame.columns}
