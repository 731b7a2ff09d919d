"""From the best moves of a search to prescriptions: figures, grade, path, alternatives, reasons and the sentence.

Hides where each part of a prescription comes from. A contact carries the effect model's interval and grade, a lever
those of its appraisal; of two moves the worse grade counts and the errors add up as independent ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.graph import CausalGraph
from graphrec.decisions.prescriptions.appraisal import FAR, Appraisal
from graphrec.decisions.prescriptions.collection import OPTION_COLUMNS, Prescriptions
from graphrec.decisions.prescriptions.constantaction import ConstantAction
from graphrec.decisions.prescriptions.contactfigures import ContactFigures, contact_figures
from graphrec.decisions.prescriptions.ledger import Ledger
from graphrec.decisions.prescriptions.mechanism import Mechanism
from graphrec.decisions.prescriptions.movechoice import Moves, Option
from graphrec.decisions.prescriptions.phrasing import ARROW, Wording, figure
from graphrec.decisions.prescriptions.promises import DO_NOTHING, Link, Move, Prescription
from graphrec.decisions.prescriptions.reasonchain import link_lever
from graphrec.decisions.subjects import Subjects
from graphrec.market.panel import Panel
from ontology.domain import Ontology
from ontology.levers import Lever

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["Draft", "Evidence"]

Floats = NDArray[np.float64]
_ALTERNATIVES = 3
_PATHS = 3
_STAY: dict[str, Any] = {
    "lever": DO_NOTHING, "from": None, "to": None, "effect": 0.0, "low": None, "high": None, "net_value": 0.0,
    "grade": "",
}  # fmt: skip


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
    graph: CausalGraph
    appraisals: Mapping[int, Appraisal]
    constant: ConstantAction | None
    filled: pd.DataFrame

    def write(self) -> Prescriptions:
        """One prescription for each subject."""
        blocked = {**self.mechanism.blocked, **self.moves.blocked, **self._refused()}
        contact = contact_figures(self.model, self.subjects)
        ranked = self.moves.ranked()
        paths = {column: _paths(self.model.panel, self.mechanism.graph, column) for column in self._moved()}
        known = _Known(contact, paths, blocked, self._links(paths))

        def draw(chosen: NDArray[np.int64], otherwise: str = "") -> tuple[Prescription, ...]:
            rows = range(len(self.subjects.ids))
            return tuple(self._one(row, int(chosen[row]), known, ranked[row], otherwise) for row in rows)

        options, ledger = self._options(known), self._ledger(contact)
        return Prescriptions(draw(self.moves.chosen), blocked, options, ledger, draw)

    def _links(self, paths: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Link, ...]]:
        """Axioms and arrows behind each lever."""
        roles, treatment = _known_roles(self.model.panel), self.model.panel.treatment
        roles.setdefault(treatment, "Solicitation")
        levers = {lever.column: lever for lever in self.onto.levers({c: roles[c] for c in paths if c in roles})}
        return {c: link_lever(levers[c], paths[c], self.onto, roles, self.graph) for c in paths if c in levers}

    def _ledger(self, contact: ContactFigures) -> Ledger:
        half = (contact.high - contact.low) / 2
        reach = {channel: np.nan_to_num(half[:, k]) for k, channel in enumerate(contact.channels)}
        return Ledger(
            self.mechanism.promise, self.filled, self.subjects.value, self.moves, self.constant,
            self.model.panel.treatment, reach, self.model.config.level,
        )  # fmt: skip

    def _options(self, known: _Known) -> pd.DataFrame:
        """Every possible move of every customer, a row each."""
        found = []
        for row, customer in enumerate(self.subjects.ids):
            for k, option in enumerate(self.moves.options):
                if np.isfinite(option.net_gain[row]):
                    record = self._summary(row, k, known)
                    found.append(
                        {"customer_id": customer, "offer": self.subjects.offers[row], **record,
                         "cost": float(option.cost[row]), "confirmed": bool(self.moves.confirmed[row, k]),
                         "score": float(self.moves.scores[row, k]), "row": row, "option": k}
                    )  # fmt: skip
        return pd.DataFrame(found, columns=list(OPTION_COLUMNS))

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

    def _one(self, row: int, chosen: int, known: _Known, ranked: NDArray[np.int64], otherwise: str) -> Prescription:
        """One customer with an option, or with none; ``otherwise`` is why none where one had been advised."""
        customer, offer = self.subjects.ids[row], self.subjects.offers[row]
        facts = _nothing(self.model.config.level) if chosen < 0 else self._facts(row, chosen, known)
        moves: tuple[Move, ...] = facts.pop("moves")
        reasons = self._reasons(row, known.blocked)
        others = [self._summary(row, int(k), known) for k in ranked if k != chosen and self._worth_telling(row, int(k))]
        words = self._words
        if moves:
            sentence = words.advise(customer, offer, moves, facts)
            others.append(_STAY)
        else:
            kept_back = otherwise if self.moves.chosen[row] >= 0 else ""
            facts["reason"] = kept_back or self._why_nothing(others, reasons)
            sentence = words.refrain(customer, facts["reason"])
        others += self._other_offers(row)
        others.sort(key=lambda other: -other["net_value"])
        told = others[:_ALTERNATIVES]
        if moves and _STAY not in told:
            told[-1] = _STAY
        return Prescription(
            customer_id=customer,
            offer=offer,
            moves=moves,
            alternatives=tuple(told),
            blocked=reasons,
            sentence=sentence,
            constant=self._constant(row),
            **facts,
        )

    def _constant(self, row: int) -> dict[str, Any] | None:
        """The best constant action as this customer would get it."""
        if self.constant is None:
            return None
        option, moved = self.constant.option, bool(self.constant.moved[row])
        return {
            "lever": self.constant.lever,
            "to": self.constant.to,
            "effect": float(option.change[row]) if moved else 0.0,
            "net_value": float(option.net_gain[row]) if moved else 0.0,
        }

    def _facts(self, row: int, k: int, known: _Known) -> dict[str, Any]:
        """Everything about one option of one row."""
        option, treatment = self.moves.options[k], self.model.panel.treatment
        moves, appraisal = _moves(option, row), self.appraisals.get(k)
        effect, cost = float(option.change[row]), float(option.cost[row])
        channel = next((str(move.after) for move in moves if move.lever == treatment), None)
        uplift = 0.0 if channel is None else float(known.contact.uplift[row, known.contact.channels.index(channel)])
        low, high = self._interval(row, effect, channel, uplift, appraisal, known.contact)
        grade, reason = self._graded(row, effect - uplift, channel, appraisal, known.contact)
        levers = [lever for lever in self._levers if lever.column in option.columns]
        delays = [lever.delay for lever in levers if lever.delay is not None]
        value = float(self.subjects.value[row])
        links = tuple(link for column in option.columns for link in known.links.get(column, ()))
        return {
            "moves": moves,
            "effect": effect,
            "low": low,
            "high": high,
            "level": self.model.config.level,
            "cost": cost,
            "net_value": float(option.net_gain[row]),
            "net_low": None if low is None or high is None else min(value * low, value * high) - cost,
            "equation_effect": None if appraisal is None else float(appraisal.equations[row]) + uplift,
            "average": None if appraisal is None else appraisal.average,
            "through": tuple(path for column in option.columns for path in known.paths[column]),
            "grade": grade,
            "reason": reason,
            "control": None if appraisal is None else appraisal.control,
            "extrapolation": FAR if appraisal is not None and appraisal.far[row] else "",
            "delay_days": max(delays, default=None),
            "consent": any(lever.consent for lever in levers),
            "chain": (*links, _last_link(moves, self.model.panel.outcome, effect)) if links else (),
        }

    @cached_property
    def _levers(self) -> list[Lever]:
        panel = self.model.panel
        return [*self.mechanism.levers, *self.onto.levers({panel.treatment: panel.roles[panel.treatment]})]

    def _interval(
        self,
        row: int,
        effect: float,
        channel: str | None,
        uplift: float,
        appraisal: Appraisal | None,
        contact: ContactFigures,
    ) -> tuple[float | None, float | None]:
        """Interval of a contact, of a lever, or of both together."""
        alone = (None, None) if channel is None else contact.interval(row, channel)
        if appraisal is None:
            return alone
        below, above = effect - uplift - float(appraisal.low[row]), float(appraisal.high[row]) - (effect - uplift)
        if channel is None:
            return effect - below, effect + above
        if alone[0] is None or alone[1] is None:
            return None, None
        return (
            effect - float(np.hypot(below, uplift - alone[0])),
            effect + float(np.hypot(above, alone[1] - uplift)),
        )

    def _graded(
        self, row: int, change: float, channel: str | None, appraisal: Appraisal | None, contact: ContactFigures
    ) -> tuple[str, str]:
        """The worse of the grades of contact and lever."""
        found = [] if channel is None else [self._contact_grade(row, channel, contact)]
        found += [] if appraisal is None else [appraisal.grade(row, change)]
        return max(found, key=lambda graded: graded[0])

    def _worth_telling(self, row: int, k: int) -> bool:
        """A possible option, unless one model sees a gain in it that the other does not."""
        net = self.moves.options[k].net_gain[row]
        return bool(np.isfinite(net) and (self.moves.confirmed[row, k] or net <= 0))

    def _contact_grade(self, row: int, channel: str, contact: ContactFigures) -> tuple[str, str]:
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
            "low": facts["low"],
            "high": facts["high"],
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
                "low": None,
                "high": None,
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


def _last_link(moves: tuple[Move, ...], outcome: str, effect: float) -> Link:
    """The figure at the end of the chain."""
    done = " and ".join(f"{move.lever} from {figure(move.before)} to {figure(move.after)}" for move in moves)
    return Link(
        "effect", " + ".join(move.lever for move in moves), outcome, f"{done} changes {outcome} by {effect:+.3g}"
    )


@dataclass(frozen=True, eq=False)
class _Known:
    """What holds for all subjects: figures of contacts, paths of levers, reasons of what is blocked, reason chains."""

    contact: ContactFigures
    paths: Mapping[str, tuple[str, ...]]
    blocked: Mapping[str, str]
    links: Mapping[str, tuple[Link, ...]]


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
