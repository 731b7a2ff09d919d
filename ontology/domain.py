"""The ontology as people use it: classes to look up, knowledge and levers for the columns of a table.

Hides assembly: declarations and rules become resolved classes and judged pairs once, and every question afterwards
is a look-up. An ontology that could be edited in place was considered and rejected: what a file says is checked as
a whole, so a change is a new file, or a new :class:`Ontology`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from ontology import ROLE_IMMUTABLE
from ontology.apart import check_disjoint, single_role
from ontology.axioms import Declaration, Disjointness, OntologyError, Rule, VariableClass, did_you_mean
from ontology.hierarchy import measure_distances, resolve_classes
from ontology.levers import Lever, block_columns, find_levers
from ontology.rules import ColumnKnowledge, compile_rules, describe_columns, unary_rules

if TYPE_CHECKING:
    import pandas as pd

    from ontology.matching import Matcher, Matches

__all__ = ["Ontology", "Roles"]

Roles = Mapping[str, str] | Mapping[str, str | Sequence[str]]
"""Class of each column. Several classes are allowed where one of them is below all the others."""


class Ontology:
    """Classes of variables with their order in time, causal rules and levers.

    Parameters
    ----------
    declarations : iterable of Declaration
        The classes as written.
    rules : iterable of Rule
        The axioms between them, in the order of the files.
    disjoint : iterable of Disjointness
        The axioms that keep classes apart.
    name : str
        Where they come from, for messages.

    Raises
    ------
    OntologyError
        When two statements contradict each other; both are printed.

    Examples
    --------
    >>> from ontology import load_ontology
    >>> known = load_ontology()
    >>> known.tier("PastPurchase"), known.is_a("Channel", "Solicitation"), known.classes["Wealth"].label_fr
    (1, True, 'Patrimoine')
    """

    def __init__(
        self,
        declarations: Iterable[Declaration],
        rules: Iterable[Rule] = (),
        *,
        disjoint: Iterable[Disjointness] = (),
        name: str = "ontology",
    ) -> None:
        stated = _by_name(declarations)
        self.name = name
        self._matcher: Matcher | None = None
        self._distances = measure_distances(stated)
        self._classes = resolve_classes(stated, self._distances)
        self._disjoint = tuple(disjoint)
        check_disjoint(stated, self._distances, self._disjoint)
        self._rules = tuple(rules)
        _check_rules(self._rules, self._classes)
        # An attribute declared immutable is a Trait; an ontology without one gets a class that nobody sees.
        self._immutable = "Trait" if "Trait" in self._classes else ROLE_IMMUTABLE
        self._all = {**_immutable_class(self._classes), **self._classes}
        unary = unary_rules(
            self._classes,
            [
                (statement, declaration.name, declaration.place(statement))
                for declaration in stated.values()
                for statement in ("exogenous", "sink")
                if declaration.own.get(statement)
            ],
        )
        reach = {ROLE_IMMUTABLE: {ROLE_IMMUTABLE: 0}, **self._distances}
        self._verdicts = compile_rules(self._all, reach, [*_unique(self._rules), *unary])

    @property
    def classes(self) -> Mapping[str, VariableClass]:
        """Every class under its name, read-only."""
        return MappingProxyType(self._classes)

    @property
    def rules(self) -> Sequence[Rule]:
        """The axioms between classes, in the order of the files."""
        return self._rules

    @property
    def disjoint(self) -> Sequence[Disjointness]:
        """The axioms that keep classes apart."""
        return self._disjoint

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return every class above one, the nearest first.

        Examples
        --------
        >>> from ontology import load_ontology
        >>> load_ontology().ancestors("Recency")
        ('PurchaseHistory', 'History', 'Variable')
        """
        self._check_known(name)
        return tuple(ancestor for ancestor in self._distances[name] if ancestor != name)

    def is_a(self, name: str, ancestor: str) -> bool:
        """Say whether a class is another one or below it."""
        self._check_known(name)
        self._check_known(ancestor)
        return ancestor in self._distances[name]

    def tier(self, name: str) -> int | None:
        """Return the place in time of a class, ``None`` for an abstract class that spans several."""
        self._check_known(name)
        return self._classes[name].tier

    def group(self, name: str) -> str:
        """Return what a column of a class is for, such as ``"trait"``; the empty text for a class above all groups.

        Examples
        --------
        >>> from ontology import load_ontology
        >>> load_ontology().group("Recency")
        'history'
        """
        self._check_known(name)
        return self._classes[name].group

    def knowledge(self, roles: Roles) -> ColumnKnowledge:
        """Return what is known about the columns of a table before it is read.

        Parameters
        ----------
        roles : mapping of str to str
            Class of each column, or ``"immutable"`` for an attribute without a class that never changes. Columns
            that are not named are free. A rule holds between every column of the one class and every column of
            the other.

        Returns
        -------
        ColumnKnowledge
            Plain values, the arguments of ``causal.Knowledge``. What only the tiers forbid is not in ``forbidden``
            again; ``provenance`` explains it all the same.

        Raises
        ------
        OntologyError
            When a class is unknown, with the closest ones.

        Examples
        --------
        >>> from ontology import load_ontology
        >>> known = load_ontology().knowledge({"age": "Age", "bought": "Purchase", "ticket": "SupportTicket"})
        >>> known["tiers"], sorted(known["forbidden"])
        ({'age': 0, 'bought': 6, 'ticket': 7}, [('bought', 'age'), ('ticket', 'age'), ('ticket', 'bought')])
        >>> known["confidence"][("bought", "ticket")]
        0.85
        """
        return describe_columns(self._verdicts, self._all, self._resolve(roles))

    def levers(self, roles: Roles) -> list[Lever]:
        """Return the columns that the company may move, with range, step, cost and direction.

        Parameters
        ----------
        roles : mapping of str to str
            As in :meth:`knowledge`.

        Examples
        --------
        >>> from ontology import load_ontology
        >>> lever, = load_ontology().levers({"age": "Age", "rebate": "Discount"})
        >>> lever.column, lever.direction, lever.minimum, lever.maximum, lever.step, lever.exclusive
        ('rebate', 1, 0.0, 0.5, 0.05, 'price')
        """
        return find_levers(self._all, self._resolve(roles))

    def blocked(self, roles: Roles) -> dict[str, str]:
        """Say of each column that is no lever why it is not.

        Parameters
        ----------
        roles : mapping of str to str
            As in :meth:`knowledge`.

        Examples
        --------
        >>> from ontology import load_ontology
        >>> load_ontology().blocked({"age": "Age", "rebate": "Discount"})
        {'age': 'age (Age) is an immutable trait: it is what the customer is, and no decision changes it'}
        """
        return block_columns(self._all, self._one_each(roles), ROLE_IMMUTABLE)

    def match(self, columns: pd.DataFrame | Iterable[str], *, threshold: float = 0.7) -> Matches:
        """Propose a class for each column of an unknown table; people confirm it.

        Parameters
        ----------
        columns : pandas.DataFrame or iterable of str
            A table, whose values count too, or names alone.
        threshold : float
            Score from which a class is proposed, in (0, 1]; below it classes are listed as candidates only.

        Returns
        -------
        Matches
            A mapping from column to :class:`~ontology.matching.Match`, with ``.roles`` and ``.unmatched``.

        Raises
        ------
        OntologyError
            When two columns have the same name, or the threshold is out of range.

        Examples
        --------
        >>> from ontology import load_ontology
        >>> found = load_ontology().match(["age_client", "nb_achats", "x1"])
        >>> found.roles, found.unmatched
        ({'age_client': 'Age', 'nb_achats': 'PastPurchase'}, ['x1'])
        """
        if self._matcher is None:
            from ontology.matching import Matcher

            self._matcher = Matcher(self._classes, self._distances)
        return self._matcher.match(columns, threshold)

    def __repr__(self) -> str:
        return f"Ontology({self.name!r}, classes={len(self._classes)}, rules={len(self._rules)})"

    def _resolve(self, roles: Roles) -> dict[str, str]:
        return {c: self._immutable if r == ROLE_IMMUTABLE else r for c, r in self._one_each(roles).items()}

    def _one_each(self, roles: Roles) -> dict[str, str]:
        """Check that every class is known, and give each column the one that it has."""
        given = {c: (r,) if isinstance(r, str) or not isinstance(r, Sequence) else tuple(r) for c, r in roles.items()}
        self._refuse_unknown([(c, r) for c, names in given.items() for r in names])
        places = {name: known.where for name, known in self._all.items()}
        reach = {ROLE_IMMUTABLE: {ROLE_IMMUTABLE: 0}, **self._distances}
        return {
            c: names[0] if len(names) == 1 else single_role(c, names, reach, self._disjoint, places)
            for c, names in given.items()
        }

    def _refuse_unknown(self, given: Sequence[tuple[str, object]]) -> None:
        unknown = [(c, r) for c, r in given if r not in self._classes and r != ROLE_IMMUTABLE]
        if unknown:
            hints = "".join(
                f"\n  column {column!r} has the class {name!r}{self._nearest(name)}" for column, name in unknown[:5]
            )
            raise OntologyError(
                f"{len(unknown)} column(s) have a class that {self.name} does not know:{hints}\n"
                f"Correct the role, write {ROLE_IMMUTABLE!r} for an attribute that never changes, leave the column "
                "out, or declare the class in an ontology of your own."
            )

    def _check_known(self, name: str) -> None:
        if name not in self._classes:
            raise OntologyError(f"{self.name} has no class {name!r}{self._nearest(name)}")

    def _nearest(self, name: object) -> str:
        known = {n: (c.label, c.label_fr) for n, c in self._classes.items()}
        return did_you_mean(name, known) if isinstance(name, str) else ", which is not a text"


def _by_name(declarations: Iterable[Declaration]) -> dict[str, Declaration]:
    stated: dict[str, Declaration] = {}
    for declaration in declarations:
        if declaration.name == ROLE_IMMUTABLE:
            raise OntologyError(
                f"a class is called {ROLE_IMMUTABLE!r} ({declaration.where}), which is a role; rename it"
            )
        other = stated.setdefault(declaration.name, declaration)
        if other is not declaration:
            raise OntologyError(
                f"two classes are called {declaration.name}: {other.iri} ({other.where}) and {declaration.iri} "
                f"({declaration.where}). Rename one: a role names a class by the last part of its IRI."
            )
    return stated


def _immutable_class(classes: Mapping[str, VariableClass]) -> dict[str, VariableClass]:
    earliest = min((c.tier for c in classes.values() if c.tier is not None), default=0)
    return {ROLE_IMMUTABLE: VariableClass(ROLE_IMMUTABLE, tier=min(earliest, 0), group="trait")}


def _unique(rules: Sequence[Rule]) -> list[Rule]:
    """Keep the first of axioms that say the same; the other conflicts are found when the rules are compiled."""
    seen: dict[tuple[str, str, str], Rule] = {}
    for rule in rules:
        seen.setdefault((rule.kind, rule.cause, rule.effect), rule)
    return list(seen.values())


def _check_rules(rules: Sequence[Rule], classes: Mapping[str, VariableClass]) -> None:
    for rule in rules:
        for name in (rule.cause, rule.effect):
            if name not in classes:
                known = {n: (c.label, c.label_fr) for n, c in classes.items()}
                raise OntologyError(
                    f"a rule names a class that is not declared, {name!r}{did_you_mean(name, known)}\n  {rule}"
                )
        if rule.confidence is not None and not 0.0 <= rule.confidence <= 1.0:
            raise OntologyError(f"a confidence is not between 0 and 1:\n  {rule}")
