"""From a clean text to words: accents folded, contractions opened, what a negation reaches marked.

Hides what a word is in French and English. "Not happy" and "happy" share a word and mean the opposite, so words that a
negation reaches carry a mark beside the word itself: topics read the word, sentiment the mark (Das & Chen 2007; Pang,
Lee & Vaithyanathan 2002). Litotes are read for what they mean: "not bad" says good, "could not be happier" says
excellent, "could not be worse" says horrible. Alternative considered: a parser, which needs a download for each
language.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "ASKS",
    "HAPPY",
    "MASK",
    "NEGATED",
    "UNHAPPY",
    "read_words",
    "split_clauses",
    "split_words",
    "token_features",
    "word_list",
]


@cache
def read_words() -> dict[str, Any]:
    """The lists of ``words.toml``."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def word_list(name: str) -> frozenset[str]:
    """One of the lists of words."""
    return frozenset(read_words()[name].split())


NEGATED = "not_"
HAPPY, UNHAPPY, ASKS = "emoji_happy", "emoji_unhappy", "asks"

_REACH = 4
"""Words after a negation that it may reach."""
_NEGATIONS = word_list("negations")
_ENDS = word_list("ends") | frozenset(".!?;:,")
_LIGHT = word_list("light")
_SHORT: dict[str, str] = read_words()["short_forms"]
_BAD = "|".join(sorted(word_list("unpleasant")))
_BETTER, _WORSE = ("|".join(sorted(word_list(name))) for name in ("comparatives", "worse"))
_MEANT = "meant_"
"""Before a word that stands for what was meant; no negation reaches it."""
# Regular expressions over the words of `split_words`, joined by blanks.
_NO_MORE = re.compile(
    r"\b(?:(?:could|can) (?:not|never|hardly|scarcely)|(?:ne? )?(?:pourr|pouv|saur)[a-z]+ (?:pas|jamais|guere)|"
    r"(?:n [a-z]+ )?(?:pas|jamais) pu) (?:possibly |vraiment )?"
    r"(?:be|have been|(?:have )?(?:ask|asked|wish|wished|hope|hoped) for|etre|avoir ete|rever|esperer|demander|"
    r"souhaiter)"
    rf"(?: (?:an?|any|d|de|un|une))?(?: (?:{_BETTER}|(?P<worse>{_WORSE})))(?: (?P<bad>{_BAD})\b)?"
)
_LITOTES = re.compile(
    r"\b(?:ne? (?:[a-z]+ ){1,2})?(?:not|never|pas|jamais)"
    r"(?: (?:at all|du tout|so|too|that|all that|really|been|an?|une?|si|trop|tres|vraiment|tellement|ete|en|de))*"
    rf" (?:{_BAD})\b(?! (?:de|d|enough)\b)(?: (?:at all|du tout))?|\b(?:ne? )?regrett[a-z]+ (?:pas|rien)\b"
)
_STOP_IT = re.compile(
    r"(?<!not )\b(?=(?:stop|quit|cease) (?:sending|mailing|emailing|calling|texting|contacting|spamming|messaging|"
    r"writing|bothering|harassing|pestering)|(?:arretez|arreter|arrete|cessez|cesser|stop)"
    r"(?: s il vous plait)? (?:de |d )?(?:me|m|nous) (?:envoyer|appeler|contacter|spammer|"
    r"harceler|ecrire|relancer|solliciter|deranger))"
)
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "’": "'", "‘": "'", "`": "'", "´": "'"})
MASK = re.compile(r"<(?:email|phone|iban|card|number|name|link|address)>")
_HAPPY = re.compile("[😀😃😄😁😆😊🙂😍🥰😘😎🤩👍👏❤♥💯🎉🙏😋🤗✅🥳]|(?<!\\w)[:;=]-?[)D](?!\\w)|<3")
_UNHAPPY = re.compile("[😡😠👎😞☹🙁😤🤬😢😭💔😒🙄🤮😩😫😕😖😣😟🤢❌]|(?<!\\w)[:=]-?[(/](?!\\w)")
_FACE = re.compile("[:;=]-?[)D(/]|<3")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_TURNS = (
    "but|however|although|though|yet|except that|on the other hand|even if|"
    "mais|cependant|pourtant|par contre|en revanche|toutefois|même si|sauf que|dommage que|néanmoins"
)
_CLAUSE = re.compile(rf"(?<=[.!?;])\s+|\b(?:{_TURNS})\b|\n+", re.I)
_SAYS = re.compile(r"\w\w|[^\w\s.,;:!?'\"-]")
_WORD = re.compile(r"emoji_(?:un)?happy|[a-z]+|\d+|[.!?;:,]")


def split_clauses(text: str) -> list[str]:
    """Parts of a text that can each have a mood of their own; the text itself where there is nothing to split.

    Examples
    --------
    >>> split_clauses("Nice vase, but it came late. Never again!")
    ['Nice vase,', 'it came late.', 'Never again!']
    """
    parts = [part.strip() for part in _CLAUSE.split(text)]
    kept = [part for part in parts if _SAYS.search(part)]
    return kept or [text]


def split_words(text: str) -> list[str]:
    """Words, sentence marks and moods of emojis, in order.

    Examples
    --------
    >>> split_words("Trèèèès déçu, ça n’arrive PAS :(")
    ['trees', 'decu', ',', 'ca', 'n', 'arrive', 'pas', 'emoji_unhappy']
    """
    if "<" in text:
        text = MASK.sub(" ", text)
    if not text.isascii() or _FACE.search(text):
        text = _UNHAPPY.sub(f" {UNHAPPY} ", _HAPPY.sub(f" {HAPPY} ", text))
    text = _fold(text.casefold().translate(_LIGATURES)).replace("n't", " not")
    words: list[str] = []
    for word in _WORD.findall(_STRETCHED.sub(r"\1\1", text)):
        words.extend(_SHORT[word].split() if word in _SHORT else (word,))
    return words


def token_features(text: str) -> tuple[list[str], list[str]]:
    """Words, and the same words with what a negation reaches marked; marks of sentences and numbers are left out.

    Examples
    --------
    >>> token_features("I am not happy, 12 days late.")
    (['am', 'not', 'happy', 'days', 'late'], ['am', 'not', 'not_happy', 'days', 'late'])
    >>> token_features("Not bad! Never fast.")
    (['not', 'bad', 'never', 'fast'], ['good', 'never', 'not_fast'])
    """
    words = split_words(text)
    return _counted(words), _marked(_meant(words))


def _counted(words: list[str]) -> list[str]:
    found: list[str] = []
    for word in words:
        if word == "?" and ASKS not in found:
            found.append(ASKS)
        elif len(word) > 1 and not word.isdigit():
            found.append(word)
    return found


def _marked(words: list[str]) -> list[str]:
    found: list[str] = []
    left = 0
    for word in words:
        if word in _ENDS:
            left = 0
        if word == "?" and ASKS not in found:
            found.append(ASKS)
        if word in ".!?;:," or word.isdigit():
            continue
        if word.startswith(_MEANT):
            found.append(word[len(_MEANT) :])
            continue
        negation = word in _NEGATIONS
        if len(word) > 1:
            reached = left > 0 and not negation and word not in _LIGHT and not word.startswith("emoji")
            found.append(NEGATED + word if reached else word)
        if negation:
            left = _REACH
        elif left and word not in _LIGHT:
            left -= 1
    return found


def _meant(words: list[str]) -> list[str]:
    """Litotes and requests to stop as the word that says what is meant; a question is left as it stands."""
    if "?" in words:
        return words
    said = " ".join(words)
    meant = _LITOTES.sub(_not_bad, _NO_MORE.sub(_no_more, said))
    meant = _STOP_IT.sub(f"{_MEANT}annoying ", meant)
    return words if meant == said else meant.split()


def _no_more(found: re.Match[str]) -> str:
    return _MEANT + ("horrible" if found["worse"] or found["bad"] else "excellent")


def _not_bad(found: re.Match[str]) -> str:
    """Never bad says more than not bad."""
    return _MEANT + ("excellent" if "never" in found.group() or "jamais" in found.group() else "good")


def _fold(text: str) -> str:
    """Without accents: é is read as e."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
