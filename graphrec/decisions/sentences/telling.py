"""From a prescription to the sentences an analyst reads: what to do, what it brings, how sure, and what not to do.

Hides which facts are said and when. Every language says the same facts in the same order, because the order is
decided here and only the words in the modules of the languages. A grade X promises nothing, whatever figures stand in
the record; a figure without an interval is said to have none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphrec.decisions.sentences.columnnames import Names
from graphrec.decisions.sentences.languages import Language, language_of
from graphrec.decisions.sentences.reasonkeys import block_key, doubt_key, refrain_key

__all__ = ["Names", "Teller", "Telling", "tell_advice"]

_ARROW = " -> "
_JOINT = " + "
_NOTHING = "do nothing"
_WAYS = 3
_CLEARLY = 0.05
"""Share of an interval on the far side of zero from which on the opposite of the effect is worth a warning."""


@dataclass(frozen=True)
class Telling:
    """A prescription in words, part by part.

    Attributes
    ----------
    act, gain, cost, through, sure, conditions, avoid : str
        Sentences; empty where there is nothing to say.
    """

    act: str
    gain: str = ""
    cost: str = ""
    through: str = ""
    sure: str = ""
    conditions: str = ""
    avoid: str = ""

    @property
    def text(self) -> str:
        """All of it in one paragraph."""
        parts = (self.act, self.gain, self.cost, self.through, self.sure, self.conditions, self.avoid)
        return " ".join(part for part in parts if part)


def tell_advice(
    record: Mapping[str, Any],
    language: str = "en",
    *,
    names: Names | None = None,
    avoid: Sequence[Mapping[str, Any]] = (),
) -> Telling:
    """Say a prescription in the words of a language.

    Parameters
    ----------
    record : mapping
        From `Prescription.to_dict`.
    language : {"en", "fr"}
    names : Names, optional
        What the columns are called; `Names.of(model.panel, language)`.
    avoid : sequence of mapping
        Columns that an explanation of the model points at and that must not be acted on: ``column``, ``role``,
        ``rank`` (1 is first) and ``common`` (what drives both); see `graphrec.decisions.explanation.find_temptations`.

    Returns
    -------
    Telling

    Raises
    ------
    DataError
        There are no sentences in this language.

    Examples
    --------
    >>> advice = {"customer_id": 7, "moves": [{"lever": "discount", "from": 0.0, "to": 0.1}], "effect": 0.031,
    ...           "low": 0.01, "high": 0.052, "level": 0.95, "cost": 2.0, "net_value": 1.5, "grade": "B"}
    >>> tell_advice(advice).gain
    'Expected gain: the chance of a purchase rises by 3.1 points (95 % interval: +1.0 to +5.2).'
    >>> tell_advice(advice, "fr").act.replace("\u00a0", " ")
    'Pour le client 7 : faire passer « remise » de 0 à 0,1.'
    """
    teller = Teller(language_of(language), names or Names())
    told = [teller.avoid(each) for each in avoid]
    moves = list(record.get("moves") or ())
    if record.get("grade") == "X":
        return Telling(teller.refused(record), avoid=" ".join(told))
    if not moves:
        return Telling(teller.nothing(record), avoid=" ".join(told))
    return Telling(
        teller.act(record, moves),
        teller.gain(record),
        teller.cost(record),
        teller.through(record),
        teller.sure(record),
        teller.conditions(record),
        " ".join(told),
    )


@dataclass(frozen=True)
class Teller:
    """The facts of records in one language, part by part.

    Attributes
    ----------
    language : Language
    names : Names
    """

    language: Language
    names: Names

    def act(self, record: Mapping[str, Any], moves: Sequence[Mapping[str, Any]]) -> str:
        """What to do."""
        said = [self.move(move, record.get("offer")) for move in moves]
        return self._sentence("act", who=self.who(record), moves=self.language.listing(said))

    def who(self, record: Mapping[str, Any]) -> str:
        """Whom it is about: a customer, a segment, or everybody."""
        n = record.get("customers")
        if record.get("segment") is not None:
            return self._say("who.segment", name=record["segment"], count=self.language.count("customers", n or 0))
        if record.get("customer_id") is None and n is not None:
            return self._say("who.population", count=self.language.count("customers", n))
        return self._say("who.customer", name=record.get("customer_id"))

    def move(self, move: Mapping[str, Any], offer: Any) -> str:
        """One lever, from and to."""
        lever, after = str(move.get("lever")), move.get("to")
        if lever == self.names.treatment:
            about = self._about(offer)
            return self._say("act.contact", channel=self.language.name(after), about=about)
        priced = lever in ("price", "discount")
        before = self.language.figure(move.get("from"))
        return self._say(
            "act.move",
            lever=self.column(lever),
            before=before,
            after=self.language.figure(after),
            about=self._about(offer) if priced else "",
        )

    def gain(self, record: Mapping[str, Any]) -> str:
        """What it changes, with its interval or the lack of one."""
        effect, low, high = (record.get(key) for key in ("effect", "low", "high"))
        if not _is_number(effect):
            return ""
        direction = "up" if float(effect) >= 0 else "down"  # type: ignore[arg-type]
        key = f"gain.{direction}" if self.names.binary else f"gain.amount.{direction}"
        gain = self._say(key, outcome=self.outcome(), within=self._within(), size=self._size(abs(float(effect))))  # type: ignore[arg-type]
        if not (_is_number(low) and _is_number(high)):
            return self._say("gain.unbounded", gain=gain)
        level = self.language.percent(float(record.get("level") or 0.95))
        ends = [self._end(float(end)) for end in (low, high)]  # type: ignore[arg-type]
        said = self._say("gain.bounded", gain=gain, level=level, low=ends[0], high=ends[1])
        doubt = _zero_key(float(effect), float(low), float(high))  # type: ignore[arg-type]
        return f"{said} {self._say(doubt)}" if doubt else said

    def cost(self, record: Mapping[str, Any]) -> str:
        """What it costs and what is left."""
        cost, net, least = record.get("cost"), record.get("net_value"), record.get("net_low")
        if not (_is_number(cost) and _is_number(net)):
            return ""
        key = "cost" if float(cost) > 0 else "cost.free"  # type: ignore[arg-type]
        low = self._say("cost.least", net=self.net(least)) if _is_number(least) else ""
        return self._say(key, cost=self.language.money(float(cost), self.names.currency), net=self.net(net), least=low)  # type: ignore[arg-type]

    def conditions(self, record: Mapping[str, Any]) -> str:
        """What has to be known before acting: when it shows, who must agree, where the data end."""
        said = [self._say("extrapolated")] if record.get("extrapolation") else []
        delay = record.get("delay_days")
        if _is_number(delay) and float(delay) > 0:  # type: ignore[arg-type]
            said.append(self._say("delay", days=self.language.count("days", float(delay))))  # type: ignore[arg-type]
        if record.get("consent"):
            said.append(self._say("consent"))
        return " ".join(said)

    def through(self, record: Mapping[str, Any]) -> str:
        """The paths from the lever to the outcome."""
        paths = list(record.get("through") or ())
        if not paths:
            return self._say("through.unknown")
        steps = [str(path).split(_ARROW)[1:-1] for path in paths]
        ways = [self._say("through.way", steps=self._chain(way)) for way in steps if way][:_WAYS]
        if [] in steps:
            ways.append(self._say("through.directly"))
        return self._say("through", ways=self.language.listing(dict.fromkeys(ways)))

    def sure(self, record: Mapping[str, Any]) -> str:
        """The grade in words."""
        grade = str(record.get("grade") or "")
        if grade not in ("A", "B", "C"):
            return ""
        why = self._say(f"sure.{grade}")
        doubt = doubt_key(str(record.get("reason") or ""))
        if grade == "C" and doubt:
            why = self._say("sure.C.doubt", doubt=self._say(doubt))
        return self._say("sure", grade=grade, why=why)

    def refused(self, record: Mapping[str, Any]) -> str:
        """That nothing is promised."""
        return self._sentence("refused", who=self.who(record))

    def nothing(self, record: Mapping[str, Any]) -> str:
        """That nothing is done, and why."""
        why = self._why_nothing(record)
        return self._sentence("nothing" if why else "nothing.unsaid", who=self.who(record), why=why)

    def _why_nothing(self, record: Mapping[str, Any]) -> str:
        reason = str(record.get("reason") or "")
        key = refrain_key(reason)
        if key:
            return self._say(key)
        others = [other for other in record.get("alternatives") or () if _acts(other) and other["net_value"] <= 0]
        if others:
            best = max(others, key=lambda other: float(other["net_value"]))
            return self._say("why.alternative", move=self.alternative(best), net=self.net(best["net_value"]))
        return reason if self.language.code == "en" else ""

    def avoid(self, tempting: Mapping[str, Any]) -> str:
        """What not to do although SHAP likes it."""
        role, common = str(tempting["role"]), [self.column(name) for name in tempting.get("common") or ()]
        key = f"avoid.{role}.common" if role == "proxy" and common else f"avoid.{role}"
        rank = int(tempting.get("rank", 1))
        place = self._say(f"rank.{rank}") if rank <= 3 else self._say("rank.n", n=rank)
        why = self._say(key, event=self.event(), common=self.language.listing(common))
        return self._sentence("avoid", column=self.column(str(tempting["column"])), rank=place, why=why)

    def column(self, name: str) -> str:
        """What people call a column; its own name beside it where that differs."""
        label = self.names.labels.get(name, "")
        plain = self.language.name(name)
        if not label or name in (self.language.names or {}) or _letters(label) in (_letters(plain), _letters(name)):
            return plain
        return self._say("lever.named", name=label, column=name)

    def outcome(self) -> str:
        """The outcome after "the chance of"."""
        if not self.names.outcome:
            return self._say("outcome.purchase")
        return self._say("outcome.other", name=self.column(self.names.outcome)) if self.names.binary else self.column(
            self.names.outcome
        )  # fmt: skip

    def event(self) -> str:
        """What the outcome is, as a noun."""
        if not self.names.outcome:
            return self._say("event.purchase")
        return self._say("event.other", name=self.column(self.names.outcome))

    def apart(self, found: Mapping[str, Any]) -> str:
        """Why a model and the causes point apart on a feature; see `Disagreement.kind`."""
        others = self.language.listing([self.column(name) for name in found.get("others") or ()][:_WAYS])
        return self._say(f"apart.{found['kind']}", event=self.event(), others=others)

    def link(self, found: Mapping[str, Any]) -> str:
        """One step of the reason chain; empty for the effect, which the gain already says."""
        kind, share = str(found["kind"]), found.get("confidence")
        if kind == "effect":
            return ""
        told = kind == "edge" and _is_number(share)
        return self._sentence(
            "chain.edge.share" if told else f"chain.{kind}",
            cause=self.column(str(found["cause"])),
            effect=self.column(str(found["effect"])),
            share=self.language.percent(float(share)) if told else "",  # type: ignore[arg-type]
        )

    def blocked(self, reason: str) -> str:
        """Why a lever stays where it is."""
        return self._say(block_key(reason))

    def alternative(self, other: Mapping[str, Any]) -> str:
        """Another move in a few words."""
        lever, to = str(other["lever"]), other.get("to")
        levers, ends = lever.split(_JOINT), str(to).split(_JOINT)
        if 1 < len(levers) == len(ends) and lever not in self.names.labels:
            pairs = zip(levers, map(_plain_value, ends))
            return self.language.listing(self.alternative({"lever": one, "to": end}) for one, end in pairs)
        if lever == self.names.treatment:
            channel, about, offer = str(to).partition(" about ")
            return self.language.name(channel) + (self._about(offer) if about else "")
        return f"{self.column(lever)} → {self.language.figure(to)}"

    def levers(self, joined: str) -> str:
        """The columns of a move, which may be several at once."""
        return self.language.listing(map(self.column, joined.split(_JOINT)))

    def net(self, value: Any) -> str:
        """Net value with its sign."""
        return self.language.money(float(value), self.names.currency, signed=True)

    def _chain(self, steps: Sequence[str]) -> str:
        said = self.column(steps[0])
        for step in steps[1:]:
            said = self._say("then", first=said, second=self.column(step))
        return said

    def _about(self, offer: Any) -> str:
        kind = self.names.offer if offer is not None else ""
        return self._say(f"about.{kind}", offer=offer)

    def _within(self) -> str:
        days = self.names.horizon_days
        return self._say("within", days=self.language.count("days", days)) if days else ""

    def _size(self, effect: float) -> str:
        if self.names.binary:
            return self.language.count("points", 100 * effect, _places(100 * effect))
        return self.language.figure(effect)

    def _end(self, value: float) -> str:
        size = 100 * value if self.names.binary else value
        return self.language.number(size, _places(size), signed=True)

    def _say(self, key: str, **parts: Any) -> str:
        return self.language.say(key, **parts)

    def _sentence(self, key: str, **parts: Any) -> str:
        text = self._say(key, **parts)
        return text[0].upper() + text[1:]


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _acts(other: Any) -> bool:
    return (
        isinstance(other, Mapping) and other.get("lever") not in (None, _NOTHING) and _is_number(other.get("net_value"))
    )


def _plain_value(text: str) -> float | str:
    """A number that was written as text, so that it gets the marks of the language."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _zero_key(effect: float, low: float, high: float) -> str:
    """What an interval that holds zero means: nothing, or the opposite where a clear share of it lies beyond."""
    if not low <= 0 <= high:
        return ""
    beyond = -low if effect >= 0 else high
    if beyond <= _CLEARLY * (high - low):
        return "gain.zero"
    return "gain.harm" if effect >= 0 else "gain.reverse"


def _places(size: float) -> int:
    """Decimals that leave two figures, one at least: 3.1, 0.42, 0.031."""
    if size == 0 or abs(size) >= 0.95:
        return 1
    return min(4, 1 - math.floor(math.log10(abs(size))))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
