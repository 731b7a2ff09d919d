"""Who may move which column, how far, and why the others stay where they are.

Hides the reading of mutability, actionability and group as a yes or no with a sentence. A lever is a permission,
not a promise: whether moving it helps is for the causal graph to say. Ranking columns by importance was considered
and rejected: the strongest column is often a consequence of the purchase, and moving it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ontology.axioms import VariableClass

__all__ = ["Lever", "block_columns", "find_levers", "list_exclusions"]

_MOVES = {1: "may only be raised", -1: "may only be lowered", 0: "may be moved either way"}

_BLOCKS = {
    "trait": "is an immutable trait: it is what the customer is, and no decision changes it",
    "history": "has already happened when the decision is taken: the past cannot be moved",
    "context": "is a context that nobody in the company controls",
    "treatment": "is a decision, but the ontology does not let the company take it",
    "mediator": "is the customer's own step: it moves only through the contact that comes before it",
    "outcome": "is the outcome itself: levers are moved to change it",
    "consequence": "is a consequence of the outcome: moving it cannot bring the outcome about",
    "": "is of a class that nobody has declared actionable",
}


@dataclass(frozen=True)
class Lever:
    """A column that the company may move.

    Parameters
    ----------
    column, class_name : str
        The column and its class.
    direction : int or None
        +1 raise only, -1 lower only, 0 either way or switch between categories, ``None`` not stated.
    cost : float or None
        Cost of one step, in the currency of the market; ``None`` where the data must tell.
    minimum, maximum, step : float or None
        Range and grid of the move, in `unit`; ``None`` leaves them to the data.
    exclusive : str
        Levers with the same word are not to be moved together; empty for none.
    unit : str
        Unit of the column.
    delay : float or None
        Days until a move shows in the outcome; ``None`` where not stated.
    channel : str
        Channel that the move goes through; empty for none or any.
    consent : bool
        Whether the customer must have agreed to be contacted.
    reason : str
        Who may move it and how, as a sentence.
    """

    column: str
    class_name: str
    direction: int | None = None
    cost: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    exclusive: str = ""
    unit: str = ""
    delay: float | None = None
    channel: str = ""
    consent: bool = False
    reason: str = ""


def find_levers(classes: Mapping[str, VariableClass], roles: Mapping[str, str]) -> list[Lever]:
    """Return the columns that may be moved, in the order of the roles.

    Parameters
    ----------
    classes : mapping of str to VariableClass
        The resolved classes.
    roles : mapping of str to str
        Class of each column; every class is known.
    """
    return [_lever(column, classes[name]) for column, name in roles.items() if classes[name].actionable]


def block_columns(classes: Mapping[str, VariableClass], roles: Mapping[str, str], immutable: str) -> dict[str, str]:
    """Say of each column that may not be moved why not, in the order of the roles.

    Parameters
    ----------
    classes : mapping of str to VariableClass
        The resolved classes.
    roles : mapping of str to str
        Class of each column, or the word in `immutable`.
    immutable : str
        Role of an attribute without a class that never changes.
    """
    reasons: dict[str, str] = {}
    for column, name in roles.items():
        if name == immutable:
            reasons[column] = f"{column} was declared immutable: no decision changes it"
        elif not classes[name].actionable:
            reasons[column] = f"{column} ({name}) {_BLOCKS[classes[name].group]}"
    return reasons


def _lever(column: str, known: VariableClass) -> Lever:
    return Lever(
        column=column,
        class_name=known.name,
        direction=known.direction,
        cost=known.cost,
        minimum=known.minimum,
        maximum=known.maximum,
        step=known.step,
        exclusive=known.exclusive,
        unit=known.unit,
        delay=known.delay,
        channel=known.channel,
        consent=known.consent,
        reason=_permission(column, known),
    )


def _permission(column: str, known: VariableClass) -> str:
    who = known.controller or "the company"
    parts = [f"{column} ({known.name}) is in the hands of {who}"]
    if known.direction is not None:
        parts.append(_MOVES[known.direction])
    low, high, unit = known.minimum, known.maximum, f" {known.unit}" if known.unit else ""
    if low is not None and high is not None:
        parts.append(f"between {low:g} and {high:g}{unit}")
    elif low is not None:
        parts.append(f"not below {low:g}{unit}")
    elif high is not None:
        parts.append(f"not above {high:g}{unit}")
    if known.step is not None:
        parts.append(f"in steps of {known.step:g}")
    if known.cost is not None:
        parts.append(f"at {known.cost:g} a step" if known.cost else "at no cost")
    if known.channel:
        parts.append(f"by {known.channel}")
    if known.delay:
        parts.append(f"seen after {known.delay:g} day{'s' if known.delay != 1 else ''}")
    if known.consent:
        parts.append("only with the customer's consent")
    return ", ".join(parts)


def list_exclusions(levers: Sequence[Lever]) -> list[tuple[str, str, str]]:
    """Return the pairs of levers that are not to be moved together, with the word that says so.

    Parameters
    ----------
    levers : sequence of Lever
        Of ``Ontology.levers``.

    Examples
    --------
    >>> list_exclusions([Lever("price", "Price", exclusive="price"), Lever("rebate", "Discount", exclusive="price")])
    [('price', 'rebate', 'price')]
    """
    return [
        (first.column, second.column, first.exclusive)
        for first, second in combinations(levers, 2)
        if first.exclusive and first.exclusive == second.exclusive
    ]
