"""The segments as a card of rules that fits on a desk: a tree of depth three over plain habits.

Hides how a tree becomes sentences. The card explains and does not assign: its fidelity is how often it gives the
segment of the mixture to customers it was not made with.

Alternative considered: longer rules, which are right more often and which nobody reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.segmentation.habitmeasures import HABITS, Habits
from graphrec.market.segmentation.habitscale import HabitScale

__all__ = ["Rule", "RuleCard", "make_rule_card"]

_DEPTH = 3
_MOST = 20_000


@dataclass(frozen=True)
class Rule:
    """One rule: customers for whom all conditions hold are of the segment.

    Attributes
    ----------
    conditions : tuple of (habit, "<=" or ">", value)
        Values on the plain scale of `habitmeasures.Habits.plain`.
    segment : int
    customers : int
        Held-out customers for whom the conditions hold.
    right : float
        Share of them who are of the segment.
    """

    conditions: tuple[tuple[str, str, float], ...]
    segment: int
    customers: int
    right: float


@dataclass(frozen=True)
class RuleCard:
    """At most eight rules.

    Attributes
    ----------
    rules : tuple of Rule
    fidelity : float
        Share of held-out customers to whom the card gives the segment of the mixture.
    majority : float
        The same of always saying the largest segment.
    customers : int
        Held-out customers.
    """

    rules: tuple[Rule, ...]
    fidelity: float
    majority: float
    customers: int


def make_rule_card(habits: Habits, assigned: pd.DataFrame, scale: HabitScale, rng: np.random.Generator) -> RuleCard:
    """Learn a card on two thirds of the assigned customers and test it on the others."""
    rows = np.flatnonzero(~assigned["abstained"].to_numpy())
    if len(rows) > _MOST:
        rows = np.sort(rng.choice(rows, _MOST, replace=False))
    label = assigned["likeliest"].to_numpy(np.int64)[rows]
    teach = rng.random(len(rows)) < 2 / 3
    if len(np.unique(label[teach])) < 2 or (~teach).sum() < 10:
        return RuleCard((), 1.0, 1.0, int((~teach).sum()))
    from sklearn.tree import DecisionTreeClassifier

    x = _plain(habits, scale, rows)
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=max(5, len(rows) // 100), random_state=0)
    tree.fit(x[teach], label[teach])
    held, truth = x[~teach], label[~teach]
    names = list(np.array(list(HABITS), dtype=object)[scale.used])
    rules = _rules(tree, names, tree.apply(held), truth)
    top = np.bincount(label[teach]).argmax()
    right = float((tree.predict(held) == truth).mean())
    return RuleCard(rules, right, float((truth == top).mean()), int((~teach).sum()))


def _plain(habits: Habits, scale: HabitScale, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Plain habits; one without evidence is the mean of the customers who show it."""
    plain, seen = habits.plain[np.ix_(rows, scale.used)], habits.evidence[np.ix_(rows, scale.used)] > 0
    mean = np.where(seen, plain, 0).sum(0) / np.maximum(seen.sum(0), 1)
    return np.where(seen, plain, mean)


def _rules(tree: object, names: list[str], leaf: NDArray[np.int64], truth: NDArray[np.int64]) -> tuple[Rule, ...]:
    t = tree.tree_  # type: ignore[attr-defined]
    classes = tree.classes_  # type: ignore[attr-defined]
    found: list[Rule] = []

    def walk(node: int, path: tuple[tuple[str, str, float], ...]) -> None:
        if t.children_left[node] < 0:
            segment = int(classes[t.value[node][0].argmax()])
            here = leaf == node
            right = float((truth[here] == segment).mean()) if here.any() else float("nan")
            found.append(Rule(_tidy(path), segment, int(here.sum()), right))
            return
        name, cut = names[t.feature[node]], float(t.threshold[node])
        walk(int(t.children_left[node]), (*path, (name, "<=", cut)))
        walk(int(t.children_right[node]), (*path, (name, ">", cut)))

    walk(0, ())
    return tuple(sorted(found, key=lambda rule: (rule.segment, -rule.customers)))


def _tidy(path: tuple[tuple[str, str, float], ...]) -> tuple[tuple[str, str, float], ...]:
    """Of two conditions of one kind on one habit only the narrower."""
    kept: dict[tuple[str, str], float] = {}
    for name, sign, cut in path:
        old = kept.get((name, sign))
        kept[(name, sign)] = cut if old is None else min(old, cut) if sign == "<=" else max(old, cut)
    return tuple((name, sign, cut) for (name, sign), cut in kept.items())
