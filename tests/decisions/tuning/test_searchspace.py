"""Everything that can be drawn can be trained, and the default is the simplest of all."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning.searchspace import SearchSpace, appetite_space, policy_space

SPACES = [
    appetite_space(views=True),
    appetite_space(views=False, learned=True),
    policy_space(views=True, binary=True),
    policy_space(views=False, binary=False, learned=True),
]


class Lot:
    """Draws every knob at random."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        return choices[self.rng.integers(len(choices))]

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:
        if log:
            return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))
        return float(low + (step or 1e-9) * self.rng.integers(round((high - low) / (step or 1e-9)) + 1))


@pytest.mark.parametrize("space", SPACES)
def test_every_candidate_is_a_recommender_that_json_brings_back(space: SearchSpace) -> None:
    for seed in range(200):
        config = space.configure(space.draw(Lot(seed)), RecommenderConfig(horizon_days=14))
        assert config.horizon_days == 14
        assert RecommenderConfig(**json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("space", SPACES)
def test_the_default_comes_first_and_is_the_simplest(space: SearchSpace) -> None:
    names = [name for name, _ in space.baselines]
    assert names[0] == "default"
    assert {"most popular", "item-kNN", "RP3beta", "EASE"} <= set(names)
    default = space.baselines[0][1]
    assert space.configure(default, RecommenderConfig()) == RecommenderConfig()
    drawn = [params for _, params in space.baselines[1:]] + [space.draw(Lot(seed)) for seed in range(100)]
    others = [params for params in drawn if params != default]
    assert others
    assert all(space.simplicity(default, 99) < space.simplicity(params, 1) for params in others)


def test_effects_are_simpler_than_rankings_that_are_none() -> None:
    space = policy_space(views=False, binary=True)
    assert {"T-learner", "response ranking", "appetite ranking", "DR-learner"} <= {name for name, _ in space.baselines}
    ranking = space.completed({"head": "response"})
    turned = space.completed({"head": "dr", "clip": 0.9, "ridge": 1.0, "leaves": 4, "taste": "EASE"})
    assert space.changes(ranking) == 1 and space.changes(turned) == 5
    assert space.simplicity(turned, 9) < space.simplicity(ranking, 1)


def test_a_setting_that_is_absent_is_not_counted_and_not_told() -> None:
    space = policy_space(views=False, binary=True)
    params = space.completed({"head": "t"})
    assert "clip" not in params and "alpha" not in params
    assert space.family(params) == "T-learner" and space.describe(params) == ""
    assert space.describe({**params, "ridge": 50.0}) == "ridge 50"
