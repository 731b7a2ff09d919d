"""Where the data speak against the order that knowledge gives.

Hides the evidence. Tiers, required and forbidden edges that are the reverse of the truth still leave a graph that fits,
but one with edges too many: every collider turned around costs an edge. So the best graph under the knowledge is held
against the best one under its reverse, and single pairs against the best graph with the edge the other way, by score
in nats (a likelihood ratio less the price of the edges). Where the columns are numbers, the shape of the noise is a
second witness, and the only one for pairs without a collider. Testing each separating set that the tiers forbid was
considered; it asks the same question many times at a level that nobody can set.

Nothing here changes hard knowledge. Soft confidence that the data refute is dropped before the search.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from causal.graph import Note
from causal.search.equivalence import equivalence_class
from causal.search.latentpairs import allow_latent
from causal.search.meek import Rules
from causal.search.ordersearch import Ordering, search_order
from causal.search.scores import Score, gaussian_score, total_score
from causal.search.searchtable import SearchTable
from causal.search.shapes import shape_leads, share_normal

__all__ = ["Objections", "find_objections", "glance"]

STRONG = 3.0
SURE = 5.0
MOST_PAIRS = 12
NEUTRAL = 0.5
SHOWN = 3
MOST_NORMAL = 0.5

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Objections:
    """What the data object to.

    Parameters
    ----------
    notes : tuple of Note
        Kind ``order``.
    rules : Rules
        The knowledge without the soft confidence that the data refute.
    """

    notes: tuple[Note, ...]
    rules: Rules


def find_objections(table: SearchTable, best: Ordering) -> Objections:
    """Hold the order that knowledge gives against the data.

    Parameters
    ----------
    table : SearchTable
    best : Ordering
        The graph found under the knowledge.

    Notes
    -----
    Where no graph outside the knowledge is better than the one found, nothing else is asked about hard knowledge.

    Assumption: no latent common cause and linear effects among numbers. Without it an objection may mean that, which is
    why it is reported and not obeyed.
    """
    rules = table.rules
    hard = replace(rules, prior=np.full(rules.prior.shape, NEUTRAL))
    notes = _object_by_shape(table, best.directed)
    refuted = np.zeros_like(rules.forbidden)
    court = _Court(table.names, table.score(table.weights, hard), best)
    if court.lead > STRONG and _orders(hard):
        notes += _object_to_all(court, hard) or _object_to_pairs(court, hard)
    if (soft := _soft_order(rules)).any():
        said, refuted = _object_to_soft(court, hard, soft)
        notes += said
    return Objections(tuple(notes), replace(rules, prior=np.where(refuted, NEUTRAL, rules.prior)))


def glance(table: SearchTable) -> tuple[Note, ...]:
    """Hold hard knowledge as a whole against its reverse, by a quick search, for methods that have no score.

    Every table is read as normal blocks here, and each search ends at its first optimum: a few hundredths of a second.
    What such a score says about single pairs of categories is not worth repeating, so nothing is said about them.
    """
    hard = replace(table.rules, prior=np.full(table.rules.prior.shape, NEUTRAL))
    if not _orders(hard):
        return ()
    relaxed = allow_latent(hard)
    score = gaussian_score(table.moments(table.weights), relaxed)
    court = _Court(table.names, score, search_order(score, relaxed, patience=0), patience=0)
    notes = _object_to_all(court, hard) if court.lead > STRONG else []
    return tuple(notes)


class _Court:
    """Best graphs under different rules, by one score without soft confidence.

    ``lead`` is what a graph outside the knowledge gains: that of the first optimum from the order found on, which is
    never more than the best graph gains, so what it hides is an objection that hardly matters. The best graph itself is
    searched with patience, and only when it is asked for.
    """

    def __init__(self, names: tuple[str, ...], score: Score, found: Ordering, patience: int = 1) -> None:
        d = len(names)
        nothing = np.zeros((d, d), dtype=bool)
        self.names = names
        self.patience = patience
        self.free = Rules(nothing, nothing, np.full(d, np.nan), ~nothing, np.full((d, d), NEUTRAL))
        self.score = score.under(self.free)
        self.first = search_order(self.score, self.free, found.order, patience=0)
        self.lead = self.first.score - total_score(self.score, found.directed)

    @cached_property
    def best(self) -> Ordering:
        """Return the best graph without any knowledge."""
        if self.patience == 0:
            return self.first
        return search_order(self.score, self.free, self.first.order, self.patience)

    def search(self, rules: Rules) -> Ordering:
        """Return the best graph under rules."""
        relaxed = allow_latent(rules)
        return search_order(self.score.under(relaxed), relaxed, patience=self.patience)

    def value(self, rules: Rules) -> float:
        """Return the score of the best graph under rules, in nats."""
        return total_score(self.score, self.search(rules).directed)

    def with_edge(self, a: int, b: int) -> float:
        """Return the score of the best graph that holds ``a -> b``, whatever else is known."""
        required, forbidden = self.free.required.copy(), self.free.forbidden.copy()
        required[a, b] = forbidden[b, a] = True
        return self.value(replace(self.free, required=required, forbidden=forbidden))

    def against(self, forbidden: Booleans) -> list[tuple[int, int]]:
        """Return the edges that the data alone direct although they are forbidden, and the reverse is not."""
        latent = np.zeros_like(forbidden)
        arrows = equivalence_class(self.best.directed, latent, self.free).directed
        return [(int(a), int(b)) for a, b in np.argwhere(arrows & forbidden & ~forbidden.T)]


def _orders(rules: Rules) -> bool:
    """Say whether knowledge prefers some direction."""
    return bool((rules.forbidden & ~rules.forbidden.T).any() or rules.required.any())


def _reverse(rules: Rules) -> Rules:
    return replace(
        rules,
        forbidden=rules.forbidden.T,
        required=rules.required.T,
        tiers=-rules.tiers,
        may_precede=rules.may_precede.T,
        prior=rules.prior.T,
    )


def _object_to_all(court: _Court, rules: Rules) -> list[Note]:
    """Hold the knowledge against its reverse as a whole."""
    lead = court.value(_reverse(rules)) - court.value(rules)
    if lead <= STRONG:
        return []
    pairs = court.against(rules.forbidden)
    shown = ", ".join(f"{court.names[a]} -> {court.names[b]}" for a, b in pairs[:SHOWN])
    columns = tuple(dict.fromkeys(court.names[end] for pair in pairs[:SHOWN] for end in pair))
    said = f"The data prefer the reverse of the order that the knowledge gives, by {lead:.0f} nats"
    example = f" (such as {shown})" if shown else ""
    return [Note("order", columns, f"{said}{example}. The knowledge was kept; check tiers and directions.")]


def _object_to_pairs(court: _Court, rules: Rules) -> list[Note]:
    """Hold single edges that the data direct against the knowledge against the other direction."""
    pairs = court.against(rules.forbidden)[:MOST_PAIRS]
    notes = []
    for a, b in pairs:
        lead = court.with_edge(a, b) - court.with_edge(b, a)
        if lead > STRONG + np.log(len(pairs)):
            first, second = court.names[a], court.names[b]
            said = f"The data prefer {first} -> {second}, which the knowledge rules out, by {lead:.0f} nats."
            notes.append(Note("order", (first, second), f"{said} The knowledge was kept; check it."))
    return notes


def _object_by_shape(table: SearchTable, directed: Booleans) -> list[Note]:
    """Ask the shape of the noise about the edges that knowledge directs."""
    asked = directed & table.rules.forbidden.T & ~table.rules.forbidden
    if table.numbers is None or not asked.any() or share_normal(table.numbers) > MOST_NORMAL:
        return []

    names = table.names
    leads = shape_leads(table, table.weights, directed, asked)
    worst = sorted((z, pair) for pair, z in leads.items() if z < -SURE)
    against, in_favour = sum(z for z in leads.values() if z < 0), sum(z for z in leads.values() if z > 0)
    if not worst or -against < in_favour:
        return []
    shown = ", ".join(f"{names[b]} -> {names[a]} (z = {-z:.1f})" for z, (a, b) in worst[:SHOWN])
    columns = tuple(dict.fromkeys(names[end] for _, pair in worst[:SHOWN] for end in pair[::-1]))
    said = f"The shape of the noise says the opposite of the order that the knowledge gives: {shown}"
    return [Note("order", columns, f"{said}. The knowledge was kept; check tiers and directions.")]


def _soft_order(rules: Rules) -> Booleans:
    """Return the pairs that soft confidence directs."""
    settled = rules.forbidden | rules.forbidden.T | rules.required | rules.required.T
    directed: Booleans = (rules.prior > NEUTRAL) & (rules.prior > rules.prior.T) & ~settled
    return directed


def _object_to_soft(court: _Court, hard: Rules, soft: Booleans) -> tuple[list[Note], Booleans]:
    """Hold the soft order against its reverse, then single pairs; return the notes and the refuted pairs."""
    forward, backward = (replace(hard, forbidden=hard.forbidden | side) for side in (soft.T, soft))
    lead = court.value(backward) - court.value(forward)
    if lead > STRONG:
        columns = tuple(court.names[i] for i in np.flatnonzero(soft.any(axis=0) | soft.any(axis=1)))
        said = f"The data prefer the reverse of the order that the confidence gives, by {lead:.0f} nats"
        return [Note("order", columns, f"{said}. It was not used.")], soft
    refuted, notes = np.zeros_like(soft), []
    for a, b in [(b, a) for a, b in court.against(soft.T)][:MOST_PAIRS]:
        lead = court.with_edge(b, a) - court.with_edge(a, b)
        if soft[a, b] and lead > STRONG:
            refuted[a, b] = True
            said = f"The data prefer {court.names[b]} -> {court.names[a]} by {lead:.0f} nats"
            believed = f"the confidence in {court.names[a]} -> {court.names[b]} was not used"
            notes.append(Note("order", (court.names[a], court.names[b]), f"{said}; {believed}."))
    return notes, refuted
