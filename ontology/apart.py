"""Classes that exclude each other, and what is asked of one variable.

Hides the search for a class, or a role, that stands below two disjoint classes. A description-logic reasoner finds
the same and more; it needs Java and a minute, and this is the one inference that a role can break.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ontology.axioms import Declaration, Disjointness, OntologyError, did_you_mean

__all__ = ["check_disjoint", "clash", "single_role"]

Distances = Mapping[str, Mapping[str, int]]


def check_disjoint(
    declarations: Mapping[str, Declaration], distances: Distances, disjoint: Sequence[Disjointness]
) -> None:
    """Refuse a class below two classes that are disjoint, and an axiom about a class that nobody declared.

    Parameters
    ----------
    declarations : mapping of str to Declaration
        Every class under its name.
    distances : mapping
        ``distances[name][ancestor]``, steps up the tree.
    disjoint : sequence of Disjointness
        The axioms.

    Raises
    ------
    OntologyError
        With the axiom, and the two statements that it excludes.
    """
    for axiom in disjoint:
        for name in axiom.classes:
            if name not in declarations:
                hint = did_you_mean(name, dict.fromkeys(declarations, ()))
                raise OntologyError(f"{axiom} names a class that is not declared, {name!r}{hint}")
    for name, up in distances.items():
        found = clash(up, up, disjoint)
        if found is not None:
            first, second, axiom = found
            raise OntologyError(
                f"{name} is below two disjoint classes and can have no member:\n"
                f"  {name} is below {first} and {second} ({declarations[name].place('parents')})\n"
                f"  {axiom}\n"
                "Keep one superclass, or take one of the two out of the axiom."
            )


def clash(
    one: Mapping[str, int], other: Mapping[str, int], disjoint: Sequence[Disjointness]
) -> tuple[str, str, Disjointness] | None:
    """Return the first axiom that keeps two classes apart, with the two ancestors that it names.

    Parameters
    ----------
    one, other : mapping of str to int
        The ancestors of each class, itself included.
    disjoint : sequence of Disjointness
        The axioms.
    """
    for axiom in disjoint:
        above = [name for name in axiom.classes if name in one]
        for first in above:
            for second in axiom.classes:
                if second != first and second in other:
                    return first, second, axiom
    return None


def single_role(
    column: str, names: Sequence[str], distances: Distances, disjoint: Sequence[Disjointness], places: Mapping[str, str]
) -> str:
    """Return the one class of a column that was given several: the one below all the others.

    Parameters
    ----------
    column : str
        The column.
    names : sequence of str
        The classes that it was given; all are known.
    distances : mapping
        ``distances[name][ancestor]``, steps up the tree.
    disjoint : sequence of Disjointness
        The axioms that keep classes apart.
    places : mapping of str to str
        File and line of each class.

    Raises
    ------
    OntologyError
        When no class is below all the others; with the axiom where two of them are disjoint.
    """
    for name in names:
        if all(other in distances[name] for other in names):
            return name
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            found = clash(distances[first], distances[second], disjoint)
            if found is not None:
                above, beside, axiom = found
                raise OntologyError(
                    f"column {column!r} was given the classes {first} and {second}, which exclude each other:\n"
                    f"  {first} is {_below(first, above)} ({places[first]})\n"
                    f"  {second} is {_below(second, beside)} ({places[second]})\n"
                    f"  {axiom}\n"
                    "A variable has one class: keep one of the two."
                )
    raise OntologyError(
        f"column {column!r} was given {len(names)} classes, {', '.join(names)}, none below all the others. "
        "A variable has one class: keep one, or declare a class of your own below them."
    )


def _below(name: str, ancestor: str) -> str:
    return "one of these" if name == ancestor else f"below {ancestor}"
