"""What an ontology says, as plain values: classes, rules between classes, and the error that quotes both.

Hides where a statement was written: each carries the file and line, so that a message can send its reader there.
RDF triples as the inner form were considered and rejected: nothing above the loader should know that OWL exists.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

__all__ = [
    "GROUPS",
    "PROFILES",
    "Declaration",
    "Disjointness",
    "Group",
    "OntologyError",
    "Profile",
    "Rule",
    "RuleKind",
    "VariableClass",
    "did_you_mean",
]

Group = Literal["", "trait", "history", "context", "treatment", "mediator", "outcome", "consequence"]
Profile = Literal[
    "", "binary", "count", "money", "share", "age", "date", "duration", "category", "identifier", "score", "text"
]
RuleKind = Literal["mayCause", "cannotCause", "mustCause"]

GROUPS: tuple[str, ...] = get_args(Group)[1:]
"""The seven groups; the empty text is kept for a class above all groups."""

PROFILES: tuple[str, ...] = get_args(Profile)[1:]
"""How the values of a column may be spread; the empty text is kept for a class that leaves it open."""


class OntologyError(ValueError):
    """The ontology, or what is asked of it, is contradictory, malformed or unknown; the message says what to do."""


@dataclass(frozen=True)
class VariableClass:
    """A kind of variable, everything that it inherits filled in.

    Parameters
    ----------
    name : str
        Name of the class, the last part of its IRI: ``"Age"``.
    parents : tuple of str
        Its direct superclasses, sorted.
    label, label_fr, comment, comment_fr : str
        What people read, in English and French. A missing label is the name; none is inherited.
    tier : int or None
        Place in time, 0 the earliest; ``None`` for an abstract class that spans several.
    mutable : bool
        Whether it can still change after the decision.
    actionable : bool
        Whether the company can change it; implies `mutable`.
    cost : float or None
        Cost of one step, in the currency of the market; ``None`` where the data must tell.
    direction : int or None
        The move that is allowed: +1 raise, -1 lower, 0 either way or switch; ``None`` where not stated.
        It is no sign of an effect.
    group : str
        ``trait``, ``history``, ``context``, ``treatment``, ``mediator``, ``outcome`` or ``consequence``; empty for
        a class above all groups.
    minimum, maximum, step : float or None
        Range and grid of a move, in `unit`; ``None`` leaves them to the data.
    unit : str
        Unit of the variable and of the range.
    exclusive : str
        Levers with the same word here are not to be moved together; empty for none.
    controller, controller_fr : str
        Who in the company may move it.
    exogenous, sink : bool
        Nothing recorded causes it; it causes nothing recorded.
    delay : float or None
        Days until a move shows in the outcome; ``None`` where not stated.
    channel : str
        Channel that a move goes through; empty for none or any.
    consent : bool
        Whether the customer must have agreed to be contacted.
    synonyms, synonyms_fr, examples : tuple of str
        Other names of such columns in English and French, and typical values; for matching, none is inherited.
    profile : str
        How the values are spread, one of `PROFILES`; empty where left open.
    unique : bool
        Whether a table has at most one such column.
    alignments : tuple of str
        IRIs of the same or a related notion in public vocabularies.
    iri : str
        Full name, for exchange with other ontologies.
    where : str
        File and line of its declaration.
    """

    name: str
    parents: tuple[str, ...] = ()
    label: str = ""
    label_fr: str = ""
    comment: str = ""
    comment_fr: str = ""
    tier: int | None = None
    mutable: bool = False
    actionable: bool = False
    cost: float | None = None
    direction: int | None = None
    group: Group = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    unit: str = ""
    exclusive: str = ""
    controller: str = ""
    controller_fr: str = ""
    exogenous: bool = False
    sink: bool = False
    delay: float | None = None
    channel: str = ""
    consent: bool = False
    synonyms: tuple[str, ...] = ()
    synonyms_fr: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    profile: Profile = ""
    unique: bool = False
    alignments: tuple[str, ...] = ()
    iri: str = ""
    where: str = ""


@dataclass(frozen=True)
class Declaration:
    """A class as written: its own statements only, before inheritance.

    Parameters
    ----------
    name : str
        Name of the class.
    parents : tuple of str
        Direct superclasses.
    own : mapping of str to object
        The fields of `VariableClass` that this class states itself.
    lines : mapping of str to str
        File and line of each of these statements.
    iri, where : str
        Full name, and file and line of the declaration.
    """

    name: str
    parents: tuple[str, ...] = ()
    own: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    iri: str = ""
    where: str = ""

    def place(self, statement: str) -> str:
        """Return where a statement of this class was written, the class itself when that is not known."""
        return self.lines.get(statement, self.where)


@dataclass(frozen=True)
class Rule:
    """One axiom between two classes.

    Parameters
    ----------
    kind : {"mayCause", "cannotCause", "mustCause"}
        What is said.
    cause, effect : str
        The two classes. The rule holds for their subclasses too, until a nearer pair says otherwise. One of them
        is empty where the rule is about everything recorded: an exogenous class has no cause, a sink no effect.
    confidence : float or None
        Degree of belief in [0, 1]: of the rule for ``cannotCause`` and ``mustCause``, of the edge for ``mayCause``.
    source, reason : str
        Who says so, and why.
    where : str
        File and line.

    Examples
    --------
    >>> print(Rule("cannotCause", "Satisfaction", "Purchase", 0.9, "order of time", "it comes later", "x.owl, line 7"))
    Satisfaction cannotCause Purchase: it comes later (source: order of time; confidence 0.9; x.owl, line 7)
    """

    kind: RuleKind
    cause: str
    effect: str
    confidence: float | None = None
    source: str = ""
    reason: str = ""
    where: str = ""

    def __str__(self) -> str:
        sure = f"confidence {self.confidence:g}" if self.confidence is not None else ""
        source = f"source: {self.source}" if self.source else ""
        notes = "; ".join(note for note in (source, sure, self.where) if note)
        reason = f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"{self.statement}{reason}" + (f" ({notes})" if notes else "")

    @property
    def statement(self) -> str:
        """The axiom itself, without its notes."""
        if not self.cause:
            return f"{self.effect} is exogenous"
        return f"{self.cause} {self.kind} {self.effect}" if self.effect else f"{self.cause} is a sink"


@dataclass(frozen=True)
class Disjointness:
    """Classes no two of which a variable may be of at once.

    Parameters
    ----------
    classes : tuple of str
        The classes, sorted.
    where : str
        File and line.

    Examples
    --------
    >>> print(Disjointness(("History", "Trait"), "x.owl, line 9"))
    History and Trait are disjoint (x.owl, line 9)
    """

    classes: tuple[str, ...]
    where: str = ""

    def __str__(self) -> str:
        return f"{', '.join(self.classes[:-1])} and {self.classes[-1]} are disjoint" + (
            f" ({self.where})" if self.where else ""
        )


def did_you_mean(name: str, known: Mapping[str, Iterable[str]]) -> str:
    """Return the known names closest to an unknown one, as the end of a sentence; empty when none is near.

    Parameters
    ----------
    name : str
        What was written.
    known : mapping of str to iterable of str
        Each known name with the other words it goes by (labels, in any language).

    Examples
    --------
    >>> did_you_mean("patrimoin", {"Wealth": ["Patrimoine"], "Age": ["Âge"]})
    '; did you mean Wealth?'
    """
    words: dict[str, list[str]] = {}
    for target, aliases in known.items():
        for word in {target, *aliases}:
            words.setdefault(_plain(word), []).append(target)
    near = difflib.get_close_matches(_plain(name), list(words), 3, 0.6)
    names = list(dict.fromkeys(target for word in near for target in sorted(words[word])))[:3]
    return f"; did you mean {' or '.join(names)}?" if names else ""


def _plain(word: str) -> str:
    bare = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    return bare.casefold().replace("_", "").replace("-", "").replace(" ", "")
