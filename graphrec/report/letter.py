"""A page to mail: one customer's advice with its reasons, or the advice for many, in English or French.

Hides the choice of what a marketing lead needs on one or two sheets of A4: the sentence, what the model looks at beside
what the causes bring, the effect beside the naive figure, and the path it takes. The whole report is for whoever wants
to check; this is for whoever has to decide. Words come from `graphrec.decisions.sentences`, so a page is in one
language throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.decisions.sentences.columnnames import Names
from graphrec.decisions.sentences.languages import Language, language_of
from graphrec.decisions.sentences.reasonkeys import block_key
from graphrec.decisions.sentences.telling import Teller, tell_advice
from graphrec.market.writing import write_text
from graphrec.report.document import page_template
from graphrec.report.embedding import content_policy, read_asset
from graphrec.report.figures import Chart, interval_chart, waterfall
from graphrec.report.pathdrawing import draw_path
from graphrec.report.wording import POINTS, RAW, Unit, is_number

if TYPE_CHECKING:
    from causal.graph import CausalGraph

__all__ = ["MOST_CARDS", "Letter", "render_letter", "write_letter"]

MOST_CARDS = 12
"""Advices shown on a page: of more, those that are worth most."""
_BRIEF = 3
"""Above so many customers a card says only what differs between them."""
_BLOCKED = 6
_BARS = 8
_LATER = ("blocked.mediator", "blocked.consequence", "blocked.part")
"""Reasons of columns that are no levers at all: they are named after the levers."""


@dataclass(frozen=True, eq=False)
class Letter:
    """What goes on the page.

    Parameters
    ----------
    records : sequence of mapping
        Prescriptions as `Prescription.to_dict` gives them.
    names : Names
        What columns are called, in the language of the page.
    language : {"en", "fr"}
    explanation : mapping, optional
        From `CustomerExplanation.to_dict`; the page is then about its customer.
    avoid : sequence of sequence of mapping, optional
        Temptations of each record.
    graph : CausalGraph, optional
        For the drawing of the path.
    comparison, segments : sequence of mapping, optional
        Rows of `Prescriptions.compare` and `Prescriptions.by_segment`.
    made_on : str
        Date printed; not read from the clock, so that the same advice gives the same bytes.
    """

    records: Sequence[Mapping[str, Any]]
    names: Names
    language: str = "en"
    explanation: Mapping[str, Any] | None = None
    avoid: Sequence[Sequence[Mapping[str, Any]]] = ()
    graph: CausalGraph | None = None
    comparison: Sequence[Mapping[str, Any]] = ()
    segments: Sequence[Mapping[str, Any]] = ()
    made_on: str = ""
    title: str = field(default="")


def write_letter(path: str | Path, letter: Letter) -> Path:
    """Write the page to one HTML file that needs no network.

    Raises
    ------
    DataError
        There are no sentences in this language, or the file cannot be written.
    """
    write_text(path, render_letter(letter))
    return Path(path)


def render_letter(letter: Letter) -> str:
    """The page as HTML; the same letter gives the same text."""
    language = language_of(letter.language)
    drawn = _Drawn(letter, language, Teller(language, letter.names))
    return page_template("letter.html").render(
        say=language.say,
        code=language.code,
        title=letter.title or drawn.title(),
        made_on=language.day(letter.made_on) if letter.made_on else "",
        style=read_asset("report.css") + "\n" + read_asset("letter.css"),
        policy=content_policy([]),
        cards=drawn.cards(),
        left=language.count("customers", max(0, len(letter.records) - MOST_CARDS)),
        more=len(letter.records) > MOST_CARDS,
        views=drawn.views(),
        effect=drawn.effect(),
        path=drawn.path(),
        comparison=drawn.comparison(),
        segments=drawn.segments(),
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The parts of a page, in one language."""

    letter: Letter
    language: Language
    teller: Teller

    def title(self) -> str:
        told, records = self.letter.explanation, self.letter.records
        if told:
            return self._title("page.title.explained", self.teller.who({"customer_id": told["customer"]}))
        if len(records) == 1:
            return self._title("page.title", self.teller.who(records[0]))
        return self._title("page.title", self.language.count("customers", len(records)))

    def cards(self) -> list[dict[str, Any]]:
        """One for each record: the sentence by parts, the interval, and what else there was."""
        records = list(self.letter.records)
        places = list(range(len(records)))
        if len(records) > MOST_CARDS:
            places = sorted(places, key=lambda place: -float(records[place].get("net_value") or 0.0))[:MOST_CARDS]
        charts = self._intervals([records[place] for place in places])
        return [self._card(place, records[place], chart) for place, chart in zip(places, charts)]

    def views(self) -> dict[str, Any] | None:
        """The two waterfalls and where they part."""
        told = self.letter.explanation
        if not told:
            return None
        unit = self._unit("log-odds")
        causes = self._parts(told.get("causes"))
        return {
            "model": self._waterfall(told.get("base"), self._parts(told.get("contributions")), unit),
            "cause": self._waterfall(told.get("causes_base"), causes, unit) if causes else None,
            "apart": [
                {
                    "column": self.teller.column(str(each["feature"])),
                    "model": self.language.percent(float(each["model_share"])),
                    "cause": self.language.percent(float(each["cause_share"])),
                    "why": self.teller.apart(each),
                }
                for each in told.get("apart") or ()
                if each.get("kind")
            ],
        }

    def effect(self) -> dict[str, Any] | None:
        """The naive figure, the effect of the advice, and the mean over all customers with the same move."""
        if len(self.letter.records) != 1 or not is_number(self.letter.records[0].get("effect")):
            return None
        record, told = self.letter.records[0], self.letter.explanation or {}
        if not record.get("moves"):
            return None
        rows = [self._row("page.estimate", "adjusted", record, "effect", "low", "high")]
        if self._same_contact(record, told) and is_number(told.get("naive")):
            rows.insert(0, self._row("page.naive", "naive", told, "naive", "naive_low", "naive_high"))
        naive = rows[0]["style"] == "naive"
        average = record.get("average")
        said = ["page.effect.text" if naive else "page.effect.only", *(["page.effect.average"] if average else ())]
        if average:
            rows.append(self._row("page.average", "difference_in_differences", average, "effect", "low", "high"))
        return {
            "chart": interval_chart(rows, self._unit()),
            "title": self.language.say("page.effect" if naive else "page.effect.title"),
            "text": " ".join(self.language.say(key) for key in said),
            "level": self._level(record),
        }

    def path(self) -> dict[str, Any] | None:
        """The drawing of the way from lever to outcome."""
        if len(self.letter.records) != 1 or self.letter.graph is None:
            return None
        tempting = {str(each["column"]): str(each["role"]) for group in self.letter.avoid for each in group}
        through = self.letter.records[0].get("through") or ()
        drawn = draw_path(self.letter.graph, through, tempting, self.teller.column)
        return drawn and {**drawn, "text": self.language.say("page.path.text", levers=self._moved())}

    def comparison(self) -> list[dict[str, str]]:
        return [
            {
                "rule": self.language.say(f"rule.{row['rule']}") + self._lever(row),
                "acting": self.language.percent(float(row["acting"])),
                "effect": self._bounded(row),
                "net": self.teller.net(row["net_value"]),
            }
            for row in self.letter.comparison
        ]

    def segments(self) -> list[dict[str, str]]:
        return [
            {
                "segment": str(row["segment"]),
                "acting": self.language.say(
                    "page.share",
                    share=self.language.percent(float(row["acting"])),
                    n=self.language.number(float(row["customers"]), 0),
                ),
                "lever": self.teller.levers(str(row["lever"])) if row.get("acting") else "–",
                "effect": self._bounded(row),
                "net": self.teller.net(row["net_value"]),
            }
            for row in self.letter.segments
        ]

    def _moved(self) -> str:
        """The levers of the one advice, as the boxes are called."""
        levers = [str(move["lever"]) for move in self.letter.records[0].get("moves") or ()]
        if self.language.code == "fr":
            return self.language.listing(f"« {self.teller.column(lever)} »" for lever in levers)
        return self.language.listing(map(self.teller.column, levers))

    def _card(self, place: int, record: Mapping[str, Any], chart: Chart | None) -> dict[str, Any]:
        avoid = self.letter.avoid[place] if place < len(self.letter.avoid) else ()
        told = tell_advice(record, self.letter.language, names=self.letter.names, avoid=avoid)
        grade = str(record.get("grade") or "")
        return {
            "who": _capital(self.teller.who(record)),
            "told": told,
            "grade": grade if grade in "ABC" else "",
            "meaning": self.language.say(f"grade.{grade}") if grade and grade in "ABC" else "",
            "chart": chart,
            "brief": len(self.letter.records) > _BRIEF,
            "chain": [text for text in map(self.teller.link, record.get("chain") or ()) if text],
            "others": self._others(record),
            "blocked": self._blocked(record),
        }

    def _others(self, record: Mapping[str, Any]) -> list[str]:
        """The best other move, and the best action that is the same for everybody."""
        said = []
        others = [each for each in record.get("alternatives") or () if each.get("lever") != "do nothing"]
        if others and record.get("moves") and others[0].get("grade") in ("A", "B", "C"):
            best = others[0]
            move, net = self.teller.alternative(best), self.teller.net(best["net_value"])
            said.append(self.language.say("page.other", move=move, net=net, grade=best["grade"]))
        constant = record.get("constant")
        if constant and is_number(constant.get("net_value")) and constant.get("lever") != "do nothing":
            move, net = self.teller.alternative(constant), self.teller.net(constant["net_value"])
            said.append(self.language.say("page.constant", move=move, net=net))
        return said

    def _blocked(self, record: Mapping[str, Any]) -> list[tuple[str, str]]:
        ranked = sorted((record.get("blocked") or {}).items(), key=lambda item: block_key(str(item[1])) in _LATER)
        found = ranked[:_BLOCKED]
        return [(self._lever_name(name), self.teller.blocked(str(why))) for name, why in found]

    def _lever_name(self, name: str) -> str:
        """A column, or a column and its level."""
        column, equals, level = str(name).partition(" = ")
        return self.teller.column(column) + (f" ({self.language.name(level)})" if equals else "")

    def _intervals(self, records: Sequence[Mapping[str, Any]]) -> list[Chart | None]:
        """One line for each record, all on the same axis."""
        rows = [self._row("page.estimate", "adjusted", record, "effect", "low", "high") for record in records]
        chart = interval_chart(rows, self._unit())
        drawn = len(records) > 1
        return [
            replace(chart, rows=(row,)) if drawn and record.get("moves") and record.get("grade") != "X" else None
            for row, record in zip(chart.rows, records)
        ]

    def _row(self, key: str, style: str, source: Mapping[str, Any], *fields: str) -> dict[str, Any]:
        value, low, high = (source.get(name) for name in fields)
        return {"label": self.language.say(key), "style": style, "value": value, "low": low, "high": high}

    def _waterfall(self, base: Any, parts: list[tuple[str, float]], unit: Unit) -> Chart:
        words = self.language.say("page.start"), self.language.say("page.end")
        start = float(base) if is_number(base) else 0.0
        return waterfall(start, parts, unit, _BARS, words, lambda n: self.language.count("others", n))

    def _parts(self, found: Any) -> list[tuple[str, float]]:
        return [(self.teller.column(str(name)), float(value)) for name, value in (found or {}).items()]

    def _unit(self, scale: str = "") -> Unit:
        """How figures are printed, with the marks of the language."""
        between = " to " if self.language.code == "en" else " à "
        unit = Unit(1.0, "", scale, significant=1, fewest=2) if scale else POINTS if self.letter.names.binary else RAW
        return replace(unit, between=between, decimal=self.language.decimal, thousands=self.language.thousands)

    def _bounded(self, row: Mapping[str, Any]) -> str:
        unit = self._unit()
        if not is_number(row.get("effect")):
            return "–"
        low, high = row.get("low"), row.get("high")
        words, interval = unit.estimate(row["effect"], low, high)
        return f"{words} ({interval})" if is_number(low) and is_number(high) and low != high else words

    def _level(self, record: Mapping[str, Any]) -> str:
        level = self.language.percent(float(record.get("level") or 0.95))
        return self.language.say("page.effect.level", level=level)

    def _lever(self, row: Mapping[str, Any]) -> str:
        """The constant action, after its name."""
        if row.get("rule") != "best constant action" or not row.get("lever") or row["lever"] == "do nothing":
            return ""
        return f" ({self.teller.alternative(row)})"

    def _same_contact(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
        """Whether the naive figure is of what is advised."""
        moves = list(record.get("moves") or ())
        return len(moves) == 1 and moves[0]["lever"] == self.letter.names.treatment and moves[0]["to"] == told.get(
            "channel"
        )  # fmt: skip

    def _title(self, key: str, who: str) -> str:
        return _capital(self.language.say(key, who=who))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
