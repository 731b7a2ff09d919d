"""Effects on a discovered graph: the interval holds both doubts, and too little knowledge is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.identification import NotIdentifiable
from causal.knowledge import Knowledge
from causal.rediscovery import estimate_with_discovery

KNOWN = Knowledge(tiers={"wealth": 0, "age": 0, "contact": 1, "visits": 2, "spend": 3})


def market(n=800, seed=0, weak=0.6):
    """Wealth confounds strongly, age by as much as ``weak``; visits carry half of an effect of 1."""
    draw = np.random.default_rng(seed)
    wealth, age = draw.normal(size=(2, n))
    contact = draw.random(n) < 1 / (1 + np.exp(-0.8 * wealth - weak * age))
    visits = 0.5 * contact + draw.normal(size=n)
    spend = 0.5 * contact + visits + wealth + weak * age + draw.normal(size=n)
    return pd.DataFrame({"wealth": wealth, "age": age, "contact": contact, "visits": visits, "spend": spend})


def test_the_effect_is_found_and_the_two_doubts_add_up():
    found = estimate_with_discovery(market(), "contact", "spend", KNOWN, graphs=15, rng=0)
    effect = found.effect
    assert effect.interval[0] < 1.0 < effect.interval[1]
    assert effect.se == pytest.approx(np.hypot(found.sampling_se, found.graph_se))
    assert found.identified == 1.0 and sum(found.sets.values()) == pytest.approx(1.0)
    assert effect.adjustment_set == next(iter(found.sets)) and "wealth" in effect.adjustment_set
    assert not any("visits" in chosen for chosen in found.sets)
    assert "from the graph" in str(found) and effect.n == 800


def test_doubt_about_a_confounder_widens_the_interval():
    sure = estimate_with_discovery(market(weak=1.0), "contact", "spend", KNOWN, graphs=15, rng=0)
    unsure = estimate_with_discovery(market(weak=0.3), "contact", "spend", KNOWN, graphs=15, rng=0)
    assert unsure.graph_se > 2 * sure.graph_se and len(unsure.sets) > len(sure.sets)


def test_the_same_seed_gives_the_same_figure_and_clusters_stay_whole():
    frame = market(n=400)
    first, second = (estimate_with_discovery(frame, "contact", "spend", KNOWN, graphs=4, rng=3) for _ in range(2))
    assert first == second
    wide = pd.concat([frame] * 3, ignore_index=True)
    together = estimate_with_discovery(
        wide, "contact", "spend", KNOWN, graphs=4, clusters=np.tile(np.arange(400), 3), rng=3
    )
    assert together.sampling_se > 0.6 * first.sampling_se  # copies add nothing


def test_too_little_knowledge_and_bad_arguments_are_refused():
    with pytest.raises(NotIdentifiable, match="State more knowledge"):
        estimate_with_discovery(market()[["wealth", "contact", "spend"]], "contact", "spend", graphs=4, rng=0)
    with pytest.raises(FrameError, match="at least 2"):
        estimate_with_discovery(market(), "contact", "spend", KNOWN, graphs=1)
    with pytest.raises(FrameError, match="at least 40"):
        estimate_with_discovery(market(n=20), "contact", "spend", KNOWN)
    with pytest.raises(FrameError, match="unknown column 'money'"):
        estimate_with_discovery(market(), "contact", "money", KNOWN)


def test_an_amount_is_estimated_too():
    frame = market(n=1_000)
    frame["contact"] = frame["contact"] + np.random.default_rng(1).normal(size=1_000)
    frame["spend"] += 0.0
    found = estimate_with_discovery(frame, "contact", "spend", KNOWN, graphs=5, rng=0)
    assert found.effect.target == "slope"
