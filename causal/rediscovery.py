"""An effect when the graph itself comes from the data: the interval holds both kinds of doubt.

Hides how discovery and estimation are kept apart. Customers are split in two halves; on one the graph is discovered
again and again, and on the other the effect is estimated under every adjustment set that these graphs ask for; then
the halves swap. Averaged over sets with the share p_s of the graphs that ask for them,

``value = sum p_s value_s``,  ``se^2 = sum p_s se_s^2 + sum p_s (value_s - value)^2``,

the first term sampling, the second the graph (Buckland, Burnham & Augustin 1997). Discovering and estimating on the
same customers picks the set in which chance agrees with itself, and its interval is too short (Chang, Malinsky &
Shpitser 2024 call for the split). Using only the consensus graph was considered: it says nothing of the graphs nearby.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from causal.discovery import discover
from causal.encoding import FrameError, require_columns
from causal.estimation import NoOverlap, estimate_effect
from causal.estimators.effect import Effect
from causal.estimators.overlap import Target
from causal.estimators.sample import read_clusters, read_weights
from causal.graph import CausalGraph
from causal.identification import Estimand, NotIdentifiable, identify
from causal.knowledge import Knowledge

__all__ = ["DiscoveredEffect", "estimate_with_discovery"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Sets = Mapping[tuple[str, ...], float]

MOST_SETS = 5
LEAST_IDENTIFIED = 0.5


@dataclass(frozen=True)
class DiscoveredEffect:
    """An effect whose interval holds the doubt about the graph.

    Parameters
    ----------
    effect : Effect
        ``se`` and ``interval`` hold both sources; ``adjustment_set`` is the set most graphs ask for.
    sampling_se, graph_se : float
        The two sources; ``effect.se`` is the root of the sum of their squares.
    sets : mapping of adjustment set to float
        Share of the usable graphs that ask for each set, over both halves; those used, most frequent first.
    identified : float
        Share of the graphs from which the effect follows by adjustment.
    """

    effect: Effect
    sampling_se: float
    graph_se: float
    sets: Sets
    identified: float

    def __str__(self) -> str:
        lines = [str(self.effect), f"  se {self.sampling_se:.3g} from sampling, {self.graph_se:.3g} from the graph"]
        lines += [
            f"  {share:.0%} of the graphs adjust for {', '.join(s) or 'nothing'}" for s, share in self.sets.items()
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Half:
    value: float
    sampling: float
    graph: float
    sets: Counter[tuple[str, ...]]
    identified: float
    effects: tuple[Effect, ...]


def estimate_with_discovery(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    knowledge: Knowledge | None = None,
    *,
    contrast: Hashable = None,
    target: Target | None = None,
    graphs: int = 50,
    alpha: float = 0.01,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> DiscoveredEffect:
    """Discover the graph on one half of the customers, estimate on the other, swap, and average.

    Parameters
    ----------
    frame : DataFrame, n rows
        Every column is a variable of the graph.
    treatment, outcome : str
    knowledge : Knowledge, optional
        Tiers, required and forbidden edges. Without tiers the direction of many edges stays open, and so may the
        effect.
    contrast : level or (level, reference) pair, optional
        Needed where the treatment has more than two levels.
    target : {"ate", "att", "ato"}, optional
        As in :func:`causal.estimate_effect`.
    graphs : int
        Bootstraps of the discovery on each half.
    alpha : float
        Level of the independence tests of the discovery.
    weights, clusters : array of shape (n,), optional
        Sampling weights; customers, who are never split.
    level : float
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    DiscoveredEffect

    Raises
    ------
    NotIdentifiable
        When fewer than half of the graphs give an adjustment set.
    NoOverlap
        When the halves cannot be compared under any set.

    Notes
    -----
    Assumes that the graphs that bootstraps find include one whose set is valid. A confounder too weak to be found on
    half of the rows biases the figure by as much as it confounds; declare what is known instead of discovering it.

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> wealth, taste = draw.normal(size=(2, 2_000))
    >>> contact = draw.random(2_000) < 1 / (1 + np.exp(-wealth))
    >>> spend = 1.0 * contact + wealth + taste + draw.normal(size=2_000)
    >>> frame = pd.DataFrame({"wealth": wealth, "taste": taste, "contact": contact, "spend": spend})
    >>> tiers = Knowledge(tiers={"wealth": 0, "taste": 0, "contact": 1, "spend": 2})
    >>> found = estimate_with_discovery(frame, "contact", "spend", tiers, graphs=10, rng=0)
    >>> bool(found.effect.interval[0] < 1.0 < found.effect.interval[1]), found.effect.adjustment_set
    (True, ('taste', 'wealth'))
    """
    require_columns(frame, [treatment, outcome])
    if graphs < 2:
        raise FrameError(f"graphs is {graphs}; at least 2 are needed, and 50 give a usable spread")
    generator = np.random.default_rng(rng)
    groups = read_clusters(frame, clusters)
    sampling = read_weights(frame, weights)
    half = _halves(groups, generator)
    asked = _Asked(treatment, outcome, knowledge, contrast, target, graphs, alpha, level)
    halves = [_one_half(asked, frame, sampling, groups, learn, generator) for learn in (half == 0, half == 1)]
    return _join(asked, halves, int(groups.max()) + 1)


@dataclass(frozen=True)
class _Asked:
    treatment: str
    outcome: str
    knowledge: Knowledge | None
    contrast: Hashable
    target: Target | None
    graphs: int
    alpha: float
    level: float


def _halves(groups: Ints, rng: np.random.Generator) -> Ints:
    count = int(groups.max()) + 1
    if count < 40:
        raise FrameError(f"there are {count} independent rows or clusters; at least 40 are needed to split them")
    side = np.arange(count) % 2
    return np.asarray(rng.permutation(side)[groups])


def _one_half(
    asked: _Asked,
    frame: pd.DataFrame,
    weights: Floats,
    groups: Ints,
    learn: NDArray[np.bool_],
    rng: np.random.Generator,
) -> _Half:
    """Discover where ``learn``, estimate on the other rows."""
    graph = discover(
        frame[learn], asked.knowledge, bootstraps=asked.graphs, alpha=asked.alpha,
        weights=weights[learn], clusters=groups[learn], rng=rng,
    )  # fmt: skip
    counts, identified = _ask_graphs(graph, asked)
    used = dict(counts.most_common(MOST_SETS))
    rows = ~learn
    estimates: dict[tuple[str, ...], Effect] = {}
    refusal: NoOverlap | None = None
    for chosen in used:
        estimand = Estimand(asked.treatment, asked.outcome, chosen)
        try:
            found = estimate_effect(
                frame[rows], estimand, None if asked.contrast is None else [asked.contrast], asked.target,
                weights[rows], groups[rows], asked.level, rng,
            )  # fmt: skip
        except NoOverlap as error:
            refusal = error
            continue
        if isinstance(found, dict):
            raise FrameError(f"{asked.treatment!r} has contrasts {list(found)}; name the contrast to estimate")
        estimates[chosen] = found
    if not estimates and refusal is not None:
        raise refusal
    share = np.array([used[chosen] for chosen in estimates], dtype=np.float64)
    share /= share.sum()
    values, errors = (np.array([getattr(e, name) for e in estimates.values()]) for name in ("value", "se"))
    value = float(share @ values)
    kept = Counter({chosen: used[chosen] for chosen in estimates})
    return _Half(
        value, float(share @ errors**2), float(share @ (values - value) ** 2), kept, identified,
        tuple(estimates.values()),
    )  # fmt: skip


def _ask_graphs(graph: CausalGraph, asked: _Asked) -> tuple[Counter[tuple[str, ...]], float]:
    """Return how many bootstrap graphs ask for each adjustment set, and the share that ask for one."""
    counts: Counter[tuple[str, ...]] = Counter()
    memory: dict[bytes, tuple[str, ...] | None] = {}
    refusal: NotIdentifiable | None = None
    resamples = graph.bootstraps
    for steps, latent in () if resamples is None else resamples.matrices():
        key = steps.tobytes() + latent.tobytes()
        if key not in memory:
            try:
                found = identify(_graph_of(graph.nodes, steps, latent), asked.treatment, asked.outcome)
                memory[key] = found.adjustment_set if found.method in ("o-set", "adjustment") else None
            except NotIdentifiable as error:
                memory[key], refusal = None, error
        chosen = memory[key]
        if chosen is not None:
            counts[chosen] += 1
    share = counts.total() / asked.graphs
    if share < LEAST_IDENTIFIED:
        witness = "" if refusal is None else refusal.witness
        raise NotIdentifiable(
            f"only {share:.0%} of the graphs found by bootstraps give an adjustment set for the effect of "
            f"{asked.treatment} on {asked.outcome} (at least {LEAST_IDENTIFIED:.0%} are needed"
            f"{'; for one ' + witness + ' stands in the way' if witness else ''}). State more knowledge: tiers settle "
            "most directions",
            witness,
            ["adjustment on the graph of each bootstrap"],
        )
    return counts, share


def _graph_of(nodes: tuple[str, ...], steps: NDArray[np.bool_], latent: NDArray[np.bool_]) -> CausalGraph:
    def pairs(matrix: Any) -> list[tuple[str, str]]:
        return [(nodes[a], nodes[b]) for a, b in np.argwhere(matrix)]

    both = steps & steps.T
    return CausalGraph(nodes, pairs(steps & ~both), pairs(np.triu(both)), pairs(np.triu(latent | latent.T)))


def _join(asked: _Asked, halves: list[_Half], clusters: int) -> DiscoveredEffect:
    """Average the halves: sampling errors are independent, errors of the graph may be the same in both."""
    sampling = float(np.sqrt(sum(half.sampling for half in halves))) / len(halves)
    graph = float(np.sqrt(np.mean([half.graph for half in halves])))
    value = float(np.mean([half.value for half in halves]))
    se = float(np.hypot(sampling, graph))
    reach = float(stats.t.ppf(0.5 + asked.level / 2, max(clusters - 1, 1))) * se
    counts: Counter[tuple[str, ...]] = sum((half.sets for half in halves), Counter())
    sets = {chosen: count / counts.total() for chosen, count in counts.most_common()}
    effects = [effect for half in halves for effect in half.effects]
    first = halves[0].effects[0]
    said = (
        "The graphs that bootstraps found include one whose adjustment set is valid.",
        "Graphs were discovered on one half of the customers and the effect estimated on the other, then swapped.",
        *(said for said in first.assumptions if not said.startswith("Among rows alike")),
    )
    effect = replace(
        first,
        value=value,
        se=se,
        interval=(value - reach, value + reach),
        n=sum(half.effects[0].n for half in halves),
        treated=sum(half.effects[0].treated for half in halves),
        ess=sum(half.effects[0].ess for half in halves),
        overlap=min(effect.overlap for effect in effects),
        clipped_share=max(effect.clipped_share for effect in effects),
        adjustment_set=next(iter(sets)),
        naive=None,
        clusters=clusters,
        assumptions=said,
    )
    identified = float(np.mean([half.identified for half in halves]))
    return DiscoveredEffect(effect, sampling, graph, MappingProxyType(sets), identified)
