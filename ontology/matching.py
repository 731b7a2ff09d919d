"""Which class could each column of an unknown table be of: a proposal with a score and reasons, never a guess.

Hides the weighing. The words of the name are compared with the label and synonyms of each class, rare words counting
for more (the Dice coefficient with inverse document frequencies); the values then speak against a class that they
contradict, and for one whose typical values they show. Below the threshold a proposal is listed as a candidate only.

Learnt schema matchers were considered (Sherlock, Hulsebos 2019: a network on 700,000 columns; Valentine, Koutras 2021,
finds that name-based matchers do as well where names mean something). They need training data and give no reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from ontology.axioms import OntologyError, VariableClass
from ontology.lexicon import LIGHT, Reading, read_name
from ontology.measures import compare_units
from ontology.profiles import Spread, describe_values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Candidate", "Match", "Matcher", "Matches"]

_MARGIN: Final = 0.04
_TRANSLATED: Final = 0.95
_CONTRADICTED: Final = 0.6
_SHOWN: Final = 0.4
_COMMON_LEVELS: Final = frozenset(("yes", "no", "oui", "non", "true", "false", "0", "1", "unknown", "other", "autre"))


@dataclass(frozen=True)
class Candidate:
    """One class that a column could be of.

    Parameters
    ----------
    class_name : str
        The class.
    score : float
        In [0, 1]; 1 where the name is a name of the class and the values agree.
    reasons : tuple of str
        What speaks for and against it.
    typical : bool
        Whether most values are typical ones of the class.
    name_score : float
        The score of the name alone, before values, units and time.
    """

    class_name: str
    score: float
    reasons: tuple[str, ...] = ()
    typical: bool = False
    name_score: float = 0.0


@dataclass(frozen=True)
class Match:
    """What is proposed for one column.

    Parameters
    ----------
    column : str
        The column.
    class_name : str
        The proposed class; empty where none is sure enough.
    score : float
        Score of the best class, in [0, 1], proposed or not.
    reasons : tuple of str
        Why it is proposed, or why nothing is.
    candidates : tuple of Candidate
        The best classes, the best first, at most three.
    """

    column: str
    class_name: str
    score: float
    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...] = ()


class Matches(Mapping[str, Match]):
    """The proposals for a table, to be confirmed in ``market.toml``.

    Parameters
    ----------
    matches : iterable of Match
        One for each column, in the order of the table.
    threshold : float
        Score from which a class is proposed.
    """

    def __init__(self, matches: Iterable[Match], threshold: float) -> None:
        self._matches = {match.column: match for match in matches}
        self.threshold = threshold

    @property
    def roles(self) -> dict[str, str]:
        """Class of each column for which one is proposed."""
        return {column: match.class_name for column, match in self._matches.items() if match.class_name}

    @property
    def unmatched(self) -> list[str]:
        """Columns for which no class is proposed."""
        return [column for column, match in self._matches.items() if not match.class_name]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each column: column, class_name, score, candidates, reasons."""
        import pandas as pd

        rows = [
            {
                "column": match.column,
                "class_name": match.class_name,
                "score": round(match.score, 3),
                "candidates": ", ".join(f"{c.class_name} {c.score:.2f}" for c in match.candidates),
                "reasons": "; ".join(match.reasons),
            }
            for match in self._matches.values()
        ]
        return pd.DataFrame(rows, columns=["column", "class_name", "score", "candidates", "reasons"])

    def to_toml(self) -> str:
        """Return the ``[roles]`` section of a ``market.toml``; what is not sure stands in comments."""
        lines = ["[roles]"]
        for match in self._matches.values():
            column = match.column if match.column.replace("_", "").isalnum() and match.column.isascii() else None
            key = column or '"' + match.column.replace("\\", "\\\\").replace('"', '\\"') + '"'
            near = ", ".join(f"{c.class_name} {c.score:.2f}" for c in match.candidates) or "no class is near"
            found = f'{key} = "{match.class_name}"  # {match.score:.2f}' if match.class_name else f"# {key}: {near}"
            lines.append(found.replace("\n", " "))
        return "\n".join(lines) + "\n"

    def __getitem__(self, column: str) -> Match:
        return self._matches[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._matches)

    def __len__(self) -> int:
        return len(self._matches)

    def __repr__(self) -> str:
        return f"Matches({len(self.roles)} of {len(self)} columns above {self.threshold:g})"


@dataclass(frozen=True)
class _Phrase:
    """One name of a class, read."""

    class_name: str
    text: str
    words: frozenset[str]
    literal: frozenset[str]


class Matcher:
    """The names of the classes, read once.

    Parameters
    ----------
    classes : mapping of str to VariableClass
        The resolved classes.
    ancestors : mapping of str to mapping of str to int
        Ancestors of each class, itself included.
    """

    def __init__(self, classes: Mapping[str, VariableClass], ancestors: Mapping[str, Mapping[str, int]]) -> None:
        self._ancestors = ancestors
        self._classes = {n: c for n, c in classes.items() if not _is_group(c, classes)}
        self._phrases = [phrase for known in self._classes.values() for phrase in _phrases(known)]
        self._vocabulary = frozenset(word for phrase in self._phrases for word in phrase.words)
        self._weights = _weigh(self._phrases)
        self._heaviest = max(self._weights.values(), default=1.0)
        self._near: dict[str, str] = {}
        self._with: dict[str, list[_Phrase]] = {}
        for phrase in self._phrases:
            for word in phrase.words:
                self._with.setdefault(word, []).append(phrase)

    def match(self, columns: pd.DataFrame | Iterable[str], threshold: float) -> Matches:
        """Propose a class for each column.

        Parameters
        ----------
        columns : pandas.DataFrame or iterable of str
            A table, whose values count too, or names alone.
        threshold : float
            Score from which a class is proposed, in (0, 1].
        """
        if not 0.0 < threshold <= 1.0:
            raise OntologyError(f"threshold is {threshold}; it is above 0 and at most 1")
        spreads = _spreads(columns)
        ranked = {column: self._rank(column, spread) for column, spread in spreads.items()}
        first = [self._propose(column, ranked[column], threshold) for column in spreads]
        return Matches(self._one_each(first), threshold)

    def _rank(self, column: str, spread: Spread) -> list[Candidate]:
        reading = read_name(column, self._vocabulary)
        words, strength = self._nearest_words(reading.words)
        best: dict[str, tuple[float, str]] = {}
        for phrase in {p.text + p.class_name: p for word in words for p in self._with.get(word, ())}.values():
            score = self._similarity(words, strength, phrase.words)
            score *= 1.0 if reading.literal == phrase.literal else _TRANSLATED
            if score > best.get(phrase.class_name, (0.0, ""))[0]:
                best[phrase.class_name] = (score, phrase.text)
        found = [self._weigh_values(name, score, text, reading, spread) for name, (score, text) in best.items()]
        shown = {c.class_name for c in found}
        found += [c for c in self._by_levels(spread) if c.class_name not in shown]
        return sorted(found, key=lambda c: (-c.score, not c.typical, len(self._ancestors[c.class_name]), c.class_name))

    def _nearest_words(self, words: Sequence[str]) -> tuple[tuple[str, ...], dict[str, float]]:
        """Read words that nobody knows as the nearest known word, at a discount."""
        strength: dict[str, float] = {}
        for word in words:
            if word in self._vocabulary:
                strength[word] = 1.0
                continue
            if word not in self._near:
                near = get_close_matches(word, self._vocabulary, 1, 0.85) if len(word) > 4 else []
                self._near[word] = near[0] if near else word
            strength[self._near[word]] = 0.85
        return tuple(strength), strength

    def _similarity(self, words: Sequence[str], strength: Mapping[str, float], phrase: frozenset[str]) -> float:
        shared = sum(self._weight(word) * strength[word] for word in words if word in phrase)
        both = sum(map(self._weight, words)) + sum(map(self._weight, phrase))
        apart = any(word in LIGHT for word in phrase.difference(words)) and any(
            word in LIGHT for word in set(words).difference(phrase)
        )  # an identifier of a category is no share of it
        apart_in_time = ("previous" in words) != ("previous" in phrase)  # what was is not what is asked now
        return 2.0 * shared / both * (0.85 if apart else 1.0) * (0.8 if apart_in_time else 1.0) if both else 0.0

    def _weight(self, word: str) -> float:
        return self._weights.get(word, self._heaviest)

    def _weigh_values(self, name: str, score: float, text: str, reading: Reading, spread: Spread) -> Candidate:
        known, by_name = self._classes[name], score
        reasons = [f"the name reads as {text!r}"]
        if known.profile and spread.fits and known.profile not in spread.fits:
            score *= _CONTRADICTED
            reasons.append(f"but {spread.said} are no {known.profile}")
        elif known.profile == "count" and "binary" in spread.fits:
            score *= _TRANSLATED
            reasons.append(f"{spread.said} is little for a count")
        elif known.profile and spread.fits:
            reasons.append(f"{spread.said} fit {known.profile}")
        if reading.doubtful:
            score *= _CONTRADICTED
            reasons.append("but one abbreviation says too little")
        if reading.unit and known.unit and compare_units(reading.unit, known.unit) is None:
            score *= 0.8
            reasons.append(f"but {reading.unit} is no unit of {known.unit}")
        elif reading.unit and known.unit and compare_units(reading.unit, known.unit) != 1.0:
            reasons.append(f"in {reading.unit}s, where the class is in {known.unit}")
        if reading.window and known.group not in ("history", "context"):
            score *= 0.8
            reasons.append("but a stretch of time speaks for history")
        if _shows(spread, known):
            score += (1.0 - score) * _SHOWN
            reasons.append("the values are typical ones")
        return Candidate(name, score, tuple(reasons), _shows(spread, known), by_name)

    def _by_levels(self, spread: Spread) -> Iterator[Candidate]:
        for name, known in self._classes.items():
            if _shows(spread, known):
                yield Candidate(
                    name, _SHOWN, ("the values are typical ones, though the name says nothing of it",), True
                )

    def _propose(self, column: str, ranked: Sequence[Candidate], threshold: float) -> Match:
        top = tuple(ranked[:3])
        if not top:
            return Match(column, "", 0.0, ("no word of the name is known, and the values are typical of no class",))
        best = top[0]
        if best.score < threshold:
            reason = f"{best.class_name} reaches {best.score:.2f} of the {threshold:g} needed"
            return Match(column, "", best.score, (reason, *best.reasons), top)
        named = max(ranked, key=lambda c: c.name_score)
        if named.name_score - best.name_score > 0.1:
            reason = f"the name says {named.class_name}, which the values contradict"
            return Match(column, "", best.score, (reason, *best.reasons), top)
        rivals = [c for c in top[1:] if best.score - c.score < _MARGIN and not self._prefers(best, c)]
        if rivals:
            reason = f"{best.class_name} and {rivals[0].class_name} are as near: say which"
            return Match(column, "", best.score, (reason, *best.reasons), top)
        return Match(column, best.class_name, best.score, best.reasons, top)

    def _prefers(self, best: Candidate, other: Candidate) -> bool:
        """Say whether an equal score leaves no doubt: the values decide, or one class is above the other."""
        a, b = best.class_name, other.class_name
        return (best.typical and not other.typical) or a in self._ancestors[b] or b in self._ancestors[a]

    def _one_each(self, matches: Sequence[Match]) -> list[Match]:
        """Let at most one column have a class of which a table has one; of equals, none."""
        wanting: dict[str, list[Match]] = {}
        for match in matches:
            if match.class_name and self._classes[match.class_name].unique:
                wanting.setdefault(match.class_name, []).append(match)
        given_up: dict[str, str] = {}
        for name, rivals in wanting.items():
            rivals.sort(key=lambda m: -m.score)
            tied = len(rivals) > 1 and rivals[0].score - rivals[1].score < _MARGIN / 5
            for match in rivals if tied else rivals[1:]:
                others = ", ".join(m.column for m in rivals if m is not match)
                given_up[match.column] = f"a table has one {name}, and {others} could be it: say which"
        return [
            replace(m, class_name="", reasons=(given_up[m.column], *m.reasons)) if m.column in given_up else m
            for m in matches
        ]


def _is_group(known: VariableClass, classes: Mapping[str, VariableClass]) -> bool:
    """Say whether a class is one of the groups, or above them: too wide to be proposed."""
    if known.name in ("Variable", "RecordKey"):
        return True
    return bool(known.group) and bool(known.parents) and all(classes[p].group != known.group for p in known.parents)


def _phrases(known: VariableClass) -> Iterator[_Phrase]:
    seen: set[frozenset[str]] = set()
    for text in (known.label, known.label_fr, *known.synonyms, *known.synonyms_fr, known.name):
        reading = read_name(text)
        if reading.words and reading.literal not in seen:
            seen.add(reading.literal)
            yield _Phrase(known.name, text, frozenset(reading.words), reading.literal)


def _weigh(phrases: Sequence[_Phrase]) -> dict[str, float]:
    """Weigh words by how few classes use them; words of measurement count for less."""
    users: dict[str, set[str]] = {}
    for phrase in phrases:
        for word in phrase.words:
            users.setdefault(word, set()).add(phrase.class_name)
    count = len({phrase.class_name for phrase in phrases})
    return {
        word: math.log(1.0 + count / len(classes)) * (0.4 if word in LIGHT else 1.0) for word, classes in users.items()
    }


def _spreads(columns: pd.DataFrame | Iterable[str]) -> dict[str, Spread]:
    if isinstance(columns, str):
        raise OntologyError(f"columns is the text {columns!r}; give a table or a list of names")
    table: Any = columns if hasattr(columns, "columns") else None
    names = [str(name) for name in (columns if table is None else table.columns)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise OntologyError(f"two columns are called {repeated[0]!r}; rename one")
    if table is None:
        return dict.fromkeys(names, Spread())
    return {name: describe_values(table.iloc[:, index]) for index, name in enumerate(names)}


def _shows(spread: Spread, known: VariableClass) -> bool:
    """Say whether most values are typical ones of a class; yes and no are typical of nothing."""
    told = spread.levels - _COMMON_LEVELS
    typical = {text.casefold() for text in known.examples} - _COMMON_LEVELS
    return len(told) > 1 and len(told & typical) >= 0.6 * len(told)
