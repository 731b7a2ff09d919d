"""Which words belong to a reason: the reasons of prescriptions are English clauses, and each language has its own.

Hides the matching. A reason is recognised by a part of it that does not change; one that is not recognised is left to
the words that are always right. Codes beside every clause were considered: the clauses come from the ontology, the
graph and the search, which are used without these sentences.
"""

from __future__ import annotations

__all__ = ["block_key", "doubt_key", "refrain_key"]

_DOUBTS = (
    ("no negative control", "doubt.untested"),
    ("although the graph gives no reason", "doubt.control"),
    ("structural equations see", "doubt.parted"),
    ("negative control", "doubt.control"),
    ("outcomes that no contact", "doubt.control"),
    ("evidence ladder", "doubt.ladder"),
    ("which this graph excludes", "doubt.excluded"),
    ("hardly any", "doubt.support"),
    ("extrapolat", "doubt.support"),
    ("overlap", "doubt.support"),
    ("equations", "doubt.equations"),
)
"""Part of the reason of a grade C to the words for it; a reason without words of its own is left to the grade."""
_WHY_NOTHING = (
    ("every lever is blocked", "why.blocked"),
    ("no move shows a gain", "why.unconfirmed"),
    ("budget", "why.budget"),
)
_BLOCKS = (
    ("immutable", "trait"),
    ("already happened", "history"),
    ("nobody in the company controls", "context"),
    ("does not let the company", "treatment"),
    ("own step", "mediator"),
    ("consequence of the outcome", "consequence"),
    ("recorded after the outcome", "consequence"),
    ("part of the contact", "part"),
    ("counts every contact", "lifetime"),
    ("grade X", "untold"),
    ("path from", "path"),
    ("no value it may move to", "range"),
    ("no row has a feasible value", "range"),
    ("no role", "role"),
    ("declared actionable", "role"),
    ("graph does not know", "graph"),
)
"""Part of the reason why a lever is blocked to the words for it."""


def doubt_key(reason: str) -> str:
    """Key of the doubt behind a grade C; empty where the grade says it all.

    Examples
    --------
    >>> doubt_key("by the model only, for its evidence ladder could not confirm it")
    'doubt.ladder'
    """
    return next((key for part, key in _DOUBTS if part in reason), "")


def refrain_key(reason: str) -> str:
    """Key of why nothing is done; empty where figures say it."""
    return next((key for part, key in _WHY_NOTHING if part in reason), "")


def block_key(reason: str) -> str:
    """Key of why a lever stays where it is."""
    return "blocked." + next((key for part, key in _BLOCKS if part in reason), "other")
