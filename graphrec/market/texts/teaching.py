"""Labelled texts that the project makes itself, to teach and to try a reader of texts.

Hides how a customer's sentence is put together from a phrase book: statements, adjectives, negations, both sides of a
coin, two topics at once, questions, search text, both languages in one sentence; then haste (typing slips, accents and
capitals left out, emojis). Phrase books are TOML files with the same lists, so texts to try a reader on come from
another book than those that taught it. Irony is left out: nothing in such a sentence tells it from praise.

Alternative considered: a public corpus of reviews. None with topics, in both languages and of shops and banks alike,
may be shipped.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["SENTIMENTS", "TOPICS", "PhraseBook", "read_phrase_book", "write_texts"]

SENTIMENTS = ("negative", "neutral", "positive")
TOPICS = ("delivery", "price", "quality", "staff", "app", "security", "fees", "stock", "refund", "contact")
"""Topics that a reader knows by name; a text may have none or several."""

_KINDS = {
    "statement": 0.3, "adjective": 0.12, "feeling": 0.06, "negation": 0.06, "charged": 0.14, "general": 0.1,
    "search": 0.06, "two": 0.07, "contrast": 0.06, "mixed": 0.03,
}  # fmt: skip
_MOODS = {"negative": 0.4, "neutral": 0.25, "positive": 0.35}
_IS = {"en": ("is", "was", "is", "was", "has been"), "fr": ("est", "était", "est", "a été", "c'est")}
_IS_NOT = {
    "en": ("is not", "isn't", "was not", "is never", "is no longer", "wasn't really"),
    "fr": ("n'est pas", "n'était pas", "n'est jamais", "n'est plus", "est pas", "n'a pas été"),
}
_NO_TROUBLE = {
    "en": (
        "no problem with",
        "never a problem with",
        "no complaints about",
        "i never had an issue with",
        "nothing wrong with",
    ),
    "fr": ("aucun problème avec", "jamais de souci avec", "rien à redire sur", "pas de plainte sur", "sans souci pour"),
}
_NEIGHBOURS = {
    "a": "qs",
    "e": "rz",
    "i": "uo",
    "o": "pi",
    "s": "dq",
    "t": "ry",
    "n": "b",
    "r": "te",
    "l": "m",
    "m": "l",
}


@dataclass(frozen=True, eq=False)
class PhraseBook:
    """Phrases of one language.

    Attributes
    ----------
    language : str
        ``"en"`` or ``"fr"``.
    lists : mapping of str to mapping of str to sequence of str
        ``words``, ``general`` and one entry for each topic.
    """

    language: str
    lists: Mapping[str, Mapping[str, Sequence[str]]]


@cache
def read_phrase_book(language: str, path: Path | None = None) -> PhraseBook:
    """The packaged phrase book of a language, or another file of the same form."""
    source = Path(__file__).with_name(f"phrases_{language}.toml") if path is None else path
    return PhraseBook(language, tomllib.loads(source.read_text(encoding="utf-8")))


def write_texts(
    n: int,
    *,
    books: Sequence[PhraseBook] | None = None,
    slips: float = 0.15,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Write labelled texts.

    Parameters
    ----------
    n : int
    books : sequence of PhraseBook, optional
        By default the packaged ones of both languages.
    slips : float
        Share of the texts with a typing slip; as many are written without accents.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    pandas.DataFrame, n rows
        text, language (``en``, ``fr`` or ``mixed``), sentiment, topics (tuple of str).

    Examples
    --------
    >>> write_texts(2, rng=0).columns.tolist()
    ['text', 'language', 'sentiment', 'topics']
    """
    generator = np.random.default_rng(rng)
    known = tuple(books) if books is not None else tuple(read_phrase_book(language) for language in ("en", "fr"))
    writer = _Writer(known, generator, slips)
    return pd.DataFrame([writer.write() for _ in range(n)], columns=["text", "language", "sentiment", "topics"])


@dataclass(eq=False)
class _Writer:
    """Draws one text after the other."""

    books: tuple[PhraseBook, ...]
    rng: np.random.Generator
    slips: float

    def write(self) -> tuple[str, str, str, tuple[str, ...]]:
        kind = self._weighted(_KINDS)
        book = self._pick(self.books)
        mood = self._weighted(_MOODS)
        text, mood, topics, language = _WAYS[kind](self, book, mood)
        return self._haste(text, book, mood, kind), language, mood, tuple(sorted(topics))

    def _pick(self, options: Sequence[Any]) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def _weighted(self, shares: Mapping[str, float]) -> str:
        place = int(np.searchsorted(np.cumsum(list(shares.values())), self.rng.random() * sum(shares.values())))
        return list(shares)[min(place, len(shares) - 1)]

    def _topic(self) -> str:
        return str(self._pick(TOPICS))

    def _thing(self, book: PhraseBook, topic: str) -> tuple[str, bool]:
        thing, _, gender = str(self._pick(book.lists[topic]["things"])).partition("|")
        return thing, gender == "f"

    def _adjective(self, book: PhraseBook, mood: str, feminine: bool) -> str:
        he, _, she = str(self._pick(book.lists["words"][mood])).partition("/")
        strong = f"{self._pick(book.lists['words']['intensifiers'])} " if self.rng.random() < 0.35 else ""
        return strong + (she if feminine and she else he)

    def statement(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        topic = self._topic()
        return str(self._pick(book.lists[topic][mood])), mood, {topic}, book.language

    def adjective(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        topic = self._topic()
        thing, feminine = self._thing(book, topic)
        word = self._adjective(book, mood, feminine)
        short = self.rng.random() < 0.3
        noun = thing.split(" ", 1)[-1] if thing.startswith(("the ", "le ", "la ", "les ")) else thing
        text = f"{noun} {word}" if short else f"{thing} {self._pick(_IS[book.language])} {word}"
        return text, mood, {topic}, book.language

    def feeling(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        topic = self._topic()
        verb = self._pick(book.lists["words"][f"verbs_{mood}"])
        return f"{verb} {self._thing(book, topic)[0]}", mood, {topic}, book.language

    def negation(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        topic = self._topic()
        thing, feminine = self._thing(book, topic)
        if self.rng.random() < 0.3:
            return f"{self._pick(_NO_TROUBLE[book.language])} {thing}", "positive", {topic}, book.language
        word = self._adjective(book, "positive", feminine)
        if self.rng.random() < 0.3:
            word = self._adjective(book, "negative", feminine)
            never = "is never" if book.language == "en" else "n'est jamais"
            return f"{thing} {never} {word}", "positive", {topic}, book.language
        return f"{thing} {self._pick(_IS_NOT[book.language])} {word}", "negative", {topic}, book.language

    def general(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        return str(self._pick(book.lists["general"][mood])), mood, set(), book.language

    def charged(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        mood = "negative" if mood == "neutral" else mood
        words = book.lists["charged"][mood]
        found = [str(self._pick(words)) for _ in range(1 + (self.rng.random() < 0.4))]
        topic = self._topic()
        if self.rng.random() < 0.4:
            return f"{self._thing(book, topic)[0]} {found[0]}", mood, {topic}, book.language
        return (
            self._pick((", ", " ", " and " if book.language == "en" else " et ")).join(found),
            mood,
            set(),
            book.language,
        )

    def search(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        place = self._pick(("general", *TOPICS))
        topics = set() if place == "general" else {str(place)}
        return str(self._pick(book.lists[place]["search"])), "neutral", topics, book.language

    def two(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        first, second = self._part(book, mood), self._part(book, mood)
        link = self._pick((", ", ". ", " and " if book.language == "en" else " et ", " ! "))
        return f"{first[0]}{link}{second[0]}", mood, first[2] | second[2], book.language

    def contrast(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        moods = ("positive", "negative") if self.rng.random() < 0.6 else ("negative", "positive")
        first, second = (self._part(book, each) for each in moods)
        link = self._pick(book.lists["words"]["but"])
        comma = "," if self.rng.random() < 0.5 else ""
        return f"{first[0]}{comma} {link} {second[0]}", "neutral", first[2] | second[2], book.language

    def mixed(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        order = self.rng.permutation(len(self.books))
        first, second = (self._part(self.books[place], mood) for place in (order[0], order[-1]))
        language = "mixed" if len(self.books) > 1 else book.language
        return f"{first[0]}{self._pick((', ', ' ', '. '))}{second[0]}", mood, first[2] | second[2], language

    def _part(self, book: PhraseBook, mood: str) -> tuple[str, str, set[str], str]:
        way = self._pick((_Writer.statement, _Writer.statement, _Writer.adjective, _Writer.general))
        found: tuple[str, str, set[str], str] = way(self, book, mood)
        return found

    def _haste(self, text: str, book: PhraseBook, mood: str, kind: str) -> str:
        """Openers, capitals, sentence marks, emojis, and what is typed wrongly."""
        draw = self.rng.random(7)
        if kind != "search":
            if draw[0] < 0.12:
                text = f"{self._pick(book.lists['words']['openers'])} {text}"
            if draw[6] < 0.25:
                text = f"{text} {self._pick(book.lists['charged']['fillers'])}"
            text = text[:1].upper() + text[1:] if draw[1] < 0.6 else text
            asks = mood == "neutral" and _ASKS.match(text)
            text += "?" if asks and draw[1] < 0.8 else self._pick((".", "!", "...", "", "", " !"))
            if draw[2] < 0.08 and mood != "neutral":
                text += f" {self._pick(book.lists['words'][f'{_FACES[mood]}_emojis'])}"
        if draw[3] < self.slips:
            text = self._slip(text)
        if draw[4] < self.slips:
            text = text.translate(_PLAIN)
        return text.upper() if draw[5] < 0.03 else text

    def _slip(self, text: str) -> str:
        """One letter left out, doubled, exchanged or hit beside."""
        if len(text) < 6:
            return text
        place, way = int(self.rng.integers(1, len(text) - 2)), int(self.rng.integers(4))
        here, after = text[place], text[place + 1]
        beside = self._pick(_NEIGHBOURS.get(here, here))
        return text[:place] + ("", here + here, after + here, beside)[way] + text[place + 1 + (way == 2) :]


_ASKS = re.compile(
    r"(how|when|where|what|which|who|is|are|can|could|do|does|"
    r"comment|quand|quel|ou|où|combien|est|peut|puis|pouvez|qui|y a)\b",
    re.I,
)
_FACES = {"positive": "happy", "negative": "unhappy"}
_PLAIN = str.maketrans("éèêëàâîïôùûç’", "eeeeaaiiouuc'")
_Way = Callable[[_Writer, PhraseBook, str], tuple[str, str, set[str], str]]
_WAYS: Mapping[str, _Way] = {
    "statement": _Writer.statement,
    "adjective": _Writer.adjective,
    "feeling": _Writer.feeling,
    "negation": _Writer.negation,
    "general": _Writer.general,
    "charged": _Writer.charged,
    "search": _Writer.search,
    "two": _Writer.two,
    "contrast": _Writer.contrast,
    "mixed": _Writer.mixed,
}
