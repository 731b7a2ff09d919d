"""Which language a text is in: French, English, both, or one that is not known.

Hides the evidence: the short words that every sentence needs, letters that only one language has, and, where a text
is two words long, the words of the phrase books. Seven neighbours are known by their short words only, so that
Spanish is not taken for bad French.

Alternative considered: a packaged detector. Those that are kept up bring models of tens of megabytes for a hundred
languages, and none says that a sentence is in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from graphrec.market.texts.masking import clean_text
from graphrec.market.texts.teaching import read_phrase_book
from graphrec.market.texts.tokens import read_words, split_words

__all__ = ["LANGUAGES", "find_language", "stop_words"]

LANGUAGES = ("en", "fr", "mixed", "unknown")

_LETTERS = {
    "fr": re.compile("[œàçêèùûîïëô]|\\b[ldjcnsmt]['’]|\\bqu['’]", re.I),
    "es": re.compile("[ñ¿¡]", re.I),
    "de": re.compile("[äß]", re.I),
    "pt": re.compile("[ãõ]", re.I),
    "pl": re.compile("[ąęłżźśń]", re.I),
    "tr": re.compile("[ğışİ]"),
}
_FOREIGN = re.compile("[\u0370-\u1fff\u3040-\ud7ff\uf900-\ufaff]")
_BOOK_WEIGHT = 0.6
_SHARED_WEIGHT = 0.5
_LEAST = 0.55
_MIXED_SHARE = 0.3


def find_language(text: str) -> str:
    """One of `LANGUAGES`; ``unknown`` also where there is no word.

    Examples
    --------
    >>> [find_language(t) for t in ("Livraison rapide", "I love it", "Where is mon colis ?", "Muy bueno", "42")]
    ['fr', 'en', 'mixed', 'unknown', 'unknown']
    """
    words = [word for word in split_words(text) if word.isalpha()]
    if not words or len(_FOREIGN.findall(text)) > len(words):
        return "unknown"
    points = dict.fromkeys(read_words()["languages"], 0.0)
    for word in words:
        for language, weight in _evidence(word):
            points[language] += weight
    for language, pattern in _LETTERS.items():
        points[language] += 0.8 * len(pattern.findall(text))
    best = max(points, key=lambda language: points[language])
    known = points["en"] + points["fr"]
    if best not in ("en", "fr") or points[best] < max(_LEAST, 0.12 * len(words)):
        return "unknown"
    lesser = min(points["en"], points["fr"])
    return "mixed" if lesser > _MIXED_SHARE * known and lesser >= 1.0 else best


def stop_words() -> frozenset[str]:
    """Words that no topic is named after: the short words of all known languages."""
    return frozenset(word for words in read_words()["languages"].values() for word in words.split())


@lru_cache(maxsize=100_000)
def _evidence(word: str) -> tuple[tuple[str, float], ...]:
    """What a word says: all for the one language whose word it is, less where several share it."""
    homes = [language for language, words in _short_words().items() if word in words]
    if homes:
        return tuple((language, 1.0 if len(homes) == 1 else _SHARED_WEIGHT / len(homes)) for language in homes)
    books = [language for language in ("en", "fr") if word in _book_words(language)]
    return ((books[0], _BOOK_WEIGHT),) if len(books) == 1 else ()


@cache
def _short_words() -> dict[str, frozenset[str]]:
    return {language: frozenset(words.split()) for language, words in read_words()["languages"].items()}


@cache
def _book_words(language: str) -> frozenset[str]:
    return frozenset(word for phrase in _phrases(language) for word in split_words(clean_text(phrase)) if len(word) > 1)


def _phrases(language: str) -> Iterator[str]:
    for lists in read_phrase_book(language).lists.values():
        for phrases in lists.values():
            yield from (part for phrase in phrases for part in phrase.split("|")[0].split("/"))
