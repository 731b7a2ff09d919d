"""Rules between classes become knowledge about columns.

Hides which of several rules decides a pair of classes. Every rule reaches the subclasses of its two classes; for a
pair (a, b) the rule with the smallest distance(a, cause) + distance(b, effect) wins. ``mustCause`` implies
``mayCause``; against ``cannotCause`` an equally near rule is a conflict, and the error prints both. An *exogenous*
class forbids every cause and a *sink* every effect, at the distance of that one class.

All pairs of classes are judged when the ontology is loaded, so a contradiction is an error before any data is read,
whichever columns come later. Classes that stand at the same distances from every class with a rule share one row.
Typed graphs: Brouillard 2022; tiers as background knowledge: Bang & Didelez 2023.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from ontology.axioms import OntologyError, Rule, VariableClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int32]
    Flags = NDArray[np.bool_]

__all__ = ["ColumnKnowledge", "Verdicts", "compile_rules", "describe_columns", "unary_rules"]

Pair = tuple[str, str]

_MAY, _MUST, _CANNOT = 1, 2, 3
_CODES = {"mayCause": _MAY, "mustCause": _MUST, "cannotCause": _CANNOT}
_FAR = np.iinfo(np.int32).max


class ColumnKnowledge(TypedDict):
    """What the ontology knows about the columns of one table; the arguments of ``causal.Knowledge``.

    `tiers` places each column in time. `required` and `forbidden` hold (cause, effect) pairs that a rule between
    classes decides; what the tiers forbid besides follows from `tiers`. `confidence` is given where an axiom states
    one: of the rule for required and forbidden pairs, of the edge for pairs that may be. `provenance` says in a
    sentence why, for every required or forbidden pair, every pair with a confidence and every pair against the tiers.
    """

    tiers: dict[str, int]
    required: set[Pair]
    forbidden: set[Pair]
    confidence: dict[Pair, float]
    provenance: dict[Pair, str]


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The rule that decides each pair of classes.

    Parameters
    ----------
    rules : tuple of Rule
        Every rule, the unary ones last.
    row : mapping of str to int
        Row of each class in the two arrays; classes of equal standing share one.
    kind : ndarray of int8, shape (rows, rows)
        0 nothing said, 1 may cause, 2 must cause, 3 cannot cause; causes down, effects across.
    rule : ndarray of int32, shape (rows, rows)
        Index into `rules`, -1 where nothing is said.
    """

    rules: tuple[Rule, ...]
    row: Mapping[str, int]
    kind: NDArray[np.int8]
    rule: Ints


def unary_rules(classes: Mapping[str, VariableClass], stated: Iterable[tuple[str, str, str]]) -> list[Rule]:
    """Return the rules that exogenous and sink classes stand for.

    Parameters
    ----------
    classes : mapping of str to VariableClass
        The resolved classes.
    stated : iterable of (str, str, str)
        ``("exogenous" or "sink", class, where)`` for each class that states it itself.
    """
    return [
        Rule("cannotCause", "", name, reason="nothing recorded causes it", where=where)
        if statement == "exogenous"
        else Rule("cannotCause", name, "", reason="it causes nothing recorded", where=where)
        for statement, name, where in stated
        if name in classes
    ]


def compile_rules(
    classes: Mapping[str, VariableClass],
    distances: Mapping[str, Mapping[str, int]],
    rules: Sequence[Rule],
) -> Verdicts:
    """Find the rule that decides each pair of classes.

    Parameters
    ----------
    classes : mapping of str to VariableClass
        The resolved classes.
    distances : mapping
        ``distances[name][ancestor]``, steps up the tree.
    rules : sequence of Rule
        Rules in the order of the files, the unary ones last: of equally near rules of one kind the first is quoted.

    Returns
    -------
    Verdicts
        One row per kind of standing among the classes.

    Raises
    ------
    OntologyError
        When equally near rules contradict each other, a required cause is of a later tier than its effect, or
        required causes go round in a circle. The message prints the axioms.
    """
    row, members = _families(classes, distances, rules)
    below = _Below(members, distances, classes)
    best: Ints = np.full((len(members), len(members)), _FAR, dtype=np.int32)
    kind = np.zeros(best.shape, dtype=np.int8)
    winner: Ints = np.full(best.shape, -1, dtype=np.int32)
    rival: Ints = np.full(best.shape, -1, dtype=np.int32)
    for index, rule in enumerate(rules):
        causes, cause_steps = below.reach(rule.cause, "sink" if not rule.effect else "")
        effects, effect_steps = below.reach(rule.effect, "exogenous" if not rule.cause else "")
        block = np.ix_(causes, effects)
        steps, held, code = cause_steps[:, None] + effect_steps[None, :], kind[block], _CODES[rule.kind]
        closer, tied = steps < best[block], steps == best[block]
        against = tied & ((held == _CANNOT) != (code == _CANNOT))
        wins = closer | (tied & (held == _MAY) & (code == _MUST))
        rival[block] = np.where(closer, -1, np.where(against & (rival[block] < 0), index, rival[block]))
        best[block] = np.where(closer, steps, best[block])
        kind[block] = np.where(wins, code, held)
        winner[block] = np.where(wins, index, winner[block])
    verdicts = Verdicts(tuple(rules), row, kind, winner)
    _check_rivals(verdicts, members, best, rival)
    _check_tiers(verdicts, members, classes)
    _check_cycle(verdicts, members)
    return verdicts


def describe_columns(
    verdicts: Verdicts, classes: Mapping[str, VariableClass], roles: Mapping[str, str]
) -> ColumnKnowledge:
    """Turn verdicts on classes into knowledge about columns.

    Parameters
    ----------
    verdicts : Verdicts
        Of :func:`compile_rules`.
    classes : mapping of str to VariableClass
        The resolved classes.
    roles : mapping of str to str
        Class of each column; every class is known.

    Returns
    -------
    ColumnKnowledge
        Plain dictionaries and sets.
    """
    names = np.array([*roles, ""], dtype=object)[:-1]
    rows = np.array([verdicts.row[name] for name in roles.values()], dtype=np.int64)
    tier = _tiers(classes[name] for name in roles.values())
    kind, rule = verdicts.kind[np.ix_(rows, rows)], verdicts.rule[np.ix_(rows, rows)]
    np.fill_diagonal(kind, 0)
    late: Flags = tier[:, None] > tier[None, :]  # False wherever one of the two has no tier
    sure = _confidences(verdicts.rules)[rule]
    believed: Flags = ~np.isnan(sure) & (kind > 0) & ~(late & (kind == _MAY))
    said: Flags = (kind == _MUST) | (kind == _CANNOT) | believed
    sentences = [str(each) for each in verdicts.rules]
    provenance = _tier_reasons(names, tier, late & ~said, roles, classes)
    provenance.update(zip(_pairs(names, said), [sentences[index] for index in rule[said].tolist()]))
    return ColumnKnowledge(
        tiers={str(n): int(t) for n, t in zip(names, tier) if not np.isnan(t)},
        required=set(_pairs(names, kind == _MUST)),
        forbidden=set(_pairs(names, kind == _CANNOT)),
        confidence=dict(zip(_pairs(names, believed), sure[believed].tolist())),
        provenance=provenance,
    )


class _Below:
    """The rows below each class with their distances."""

    def __init__(
        self,
        members: Sequence[str],
        distances: Mapping[str, Mapping[str, int]],
        classes: Mapping[str, VariableClass],
    ) -> None:
        self._rows: dict[str, list[int]] = {}
        self._steps: dict[str, list[int]] = {}
        self._flags = {
            "exogenous": np.array([classes[m].exogenous for m in members], dtype=bool),
            "sink": np.array([classes[m].sink for m in members], dtype=bool),
        }
        self._count = len(members)
        for index, member in enumerate(members):
            for ancestor, steps in distances[member].items():
                self._rows.setdefault(ancestor, []).append(index)
                self._steps.setdefault(ancestor, []).append(steps)

    def reach(self, name: str, flag: str) -> tuple[Ints, Ints]:
        """Return rows and distances below a class, only those with the flag; everything at 0 for no name."""
        if not name:
            return np.arange(self._count, dtype=np.int32), np.zeros(self._count, dtype=np.int32)
        rows = np.array(self._rows[name], dtype=np.int32)
        steps = np.array(self._steps[name], dtype=np.int32)
        keep = self._flags[flag][rows] if flag else np.ones(len(rows), dtype=bool)
        return rows[keep], steps[keep]


def _families(
    classes: Mapping[str, VariableClass],
    distances: Mapping[str, Mapping[str, int]],
    rules: Sequence[Rule],
) -> tuple[dict[str, int], list[str]]:
    """Give classes at equal distances from every class with a rule one row, named by its first member."""
    ends = {rule.cause for rule in rules} | {rule.effect for rule in rules}
    rows: dict[tuple[object, ...], int] = {}
    row: dict[str, int] = {}
    members: list[str] = []
    for name, known in classes.items():
        near = tuple((a, steps) for a, steps in distances[name].items() if a in ends)
        row[name] = rows.setdefault((near, known.tier, known.exogenous, known.sink), len(rows))
        if row[name] == len(members):
            members.append(name)
    return row, members


def _check_rivals(verdicts: Verdicts, members: Sequence[str], best: Ints, rival: Ints) -> None:
    if not (rival >= 0).any():
        return
    nearest = np.where(rival >= 0, best, _FAR)
    cause, effect = divmod(int(nearest.argmin()), len(members))
    first, second = verdicts.rules[verdicts.rule[cause, effect]], verdicts.rules[rival[cause, effect]]
    raise OntologyError(
        f"two equally near axioms contradict each other on {members[cause]} -> {members[effect]}:\n"
        f"  {first}\n  {second}\n"
        "Remove one of them, or state a rule for exactly this pair of classes."
    )


def _check_tiers(verdicts: Verdicts, members: Sequence[str], classes: Mapping[str, VariableClass]) -> None:
    tier = _tiers(classes[member] for member in members)
    wrong = np.argwhere((verdicts.kind == _MUST) & (tier[:, None] > tier[None, :]))
    if not len(wrong):
        return
    cause, effect = (classes[members[index]] for index in wrong[0])
    rule = verdicts.rules[verdicts.rule[tuple(wrong[0])]]
    raise OntologyError(
        f"{cause.name} is required to cause {effect.name}, which comes earlier:\n"
        f"  {rule}\n"
        f"  {cause.name} is of tier {cause.tier} ({cause.where})\n"
        f"  {effect.name} is of tier {effect.tier} ({effect.where})\n"
        "Correct a tier, or remove the rule: nothing later causes anything earlier."
    )


def _check_cycle(verdicts: Verdicts, members: Sequence[str]) -> None:
    causes: dict[int, list[int]] = {}
    for cause, effect in np.argwhere(verdicts.kind == _MUST).tolist():
        causes.setdefault(effect, []).append(cause)
    try:
        TopologicalSorter(causes).prepare()
    except CycleError as error:
        cycle: list[int] = error.args[1]
        axioms = dict.fromkeys(str(verdicts.rules[verdicts.rule[a, b]]) for a, b in pairwise(cycle))
        way = " -> ".join(members[index] for index in cycle)
        raise OntologyError(
            f"required causes go round in a circle: {way}\n"
            + "".join(f"  {axiom}\n" for axiom in axioms)
            + "Remove one of these rules: nothing is its own cause."
        ) from None


def _tiers(classes: Iterable[VariableClass]) -> NDArray[np.float64]:
    return np.array([np.nan if known.tier is None else known.tier for known in classes], dtype=np.float64)


def _confidences(rules: Sequence[Rule]) -> NDArray[np.float64]:
    stated = [np.nan if rule.confidence is None else rule.confidence for rule in rules]
    return np.array([*stated, np.nan], dtype=np.float64)  # the last answers to index -1, nothing said


def _pairs(names: NDArray[np.object_], chosen: Flags) -> list[Pair]:
    causes, effects = np.nonzero(chosen)
    return list(zip(names[causes].tolist(), names[effects].tolist()))


def _tier_reasons(
    names: NDArray[np.object_],
    tier: NDArray[np.float64],
    chosen: Flags,
    roles: Mapping[str, str],
    classes: Mapping[str, VariableClass],
) -> dict[Pair, str]:
    """Say for each pair that only the tiers forbid which tier comes after which."""
    levels, level = np.unique(tier, return_inverse=True)
    words = [_tier_words(value, roles, classes) for value in levels]
    sentences = [
        f"nothing later causes anything earlier: {after} comes after {before}" for after in words for before in words
    ]
    causes, effects = np.nonzero(chosen)
    which = (level[causes] * len(levels) + level[effects]).tolist()
    return dict(zip(_pairs(names, chosen), [sentences[index] for index in which]))


def _tier_words(value: float, roles: Mapping[str, str], classes: Mapping[str, VariableClass]) -> str:
    if np.isnan(value):
        return ""
    found = sorted({name for name in roles.values() if classes[name].tier == value})
    more = ", ..." if len(found) > 3 else ""
    return f"tier {int(value)} ({', '.join(found[:3])}{more})"
