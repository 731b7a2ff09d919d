r"""What a policy is worth on opportunities that it was not learned from: the objective of tuning where contacts exist.

Hides the whole way from settings to a value: panel, cut in time, graph, columns, fit, policy, doubly robust score. All
candidates share the rows, the columns and the scores of the truth, so they differ in their choices alone:

.. math:: V(\pi) = \frac{\sum_i w_i \left( \hat\Gamma_{i, \pi(x_i)} - \hat\Gamma_{i, 0} \right)}{\sum_i w_i}

with :math:`\hat\Gamma` the doubly robust scores of each arm (Dudik et al. 2011), cross-fitted by customer on the rows
of the part itself, with logged propensities where there are some. The policy contacts the tenth of the opportunities
with the largest predicted effect (more where the company did), and none where that is not above zero: with free
contacts every policy would contact everybody, and all were equal; with the two in a hundred that many companies send,
a value rests on a handful of buyers who were contacted by the policy and in fact. It is counted over contacting nobody,
so the noise of what happens anyway cancels. Alternative considered: valuing by the candidate's own predictions, which
prefers whoever boasts most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from causal.graph import CausalGraph
from graphrec.decisions.panelgraph import discover_graph
from graphrec.decisions.purchasegraph import appetite_model
from graphrec.decisions.recommender import Recommender
from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning.periods import Periods, cut_periods
from graphrec.decisions.tuning.scored import Score, customer_groups
from graphrec.learning.adjustment import choose_columns
from graphrec.learning.appetite import appetite_as_of
from graphrec.learning.credibility.comparability import FEWEST_CONTACTS
from graphrec.learning.heads.nuisances import fit_nuisances, is_binary
from graphrec.learning.heads.registry import predict_quickly, recipe_of
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.relevance import drop_silent_columns
from graphrec.learning.rows import training_rows
from graphrec.market.history import to_microseconds
from graphrec.market.panel import Panel
from graphrec.market.tables import DataError, Market

__all__ = ["PolicyTask", "prepare_policies"]

_FEWEST_EVENTS = 20
"""Contacted buyers below which a policy's value is noise, as in `graphrec.evaluation.offpolicy`."""
_SHARE = 0.1
_CLIP = 0.98
"""Quantile of each arm at which the weights of the scores are cut, the same for all candidates."""
_PREVIEW_ROWS = 20_000
"""With more rows to learn from a candidate is first tried on a third of the customers."""


@dataclass(frozen=True, eq=False)
class _Truth:
    """Scores of one part: doubly robust outcomes of each arm (first: none), and what was done."""

    rows: np.ndarray
    values: np.ndarray
    arms: np.ndarray
    channels: tuple[str, ...]
    outcome: np.ndarray
    weights: np.ndarray
    groups: np.ndarray

    @property
    def share(self) -> float:
        """Share of the opportunities that a policy may contact."""
        return max(_SHARE, float(np.average(self.arms > 0, weights=self.weights)))

    def gain(self, chosen: np.ndarray) -> Score:
        """Score of contacting each row through an arm (0: not), over contacting nobody."""
        gained = self.values[np.arange(len(chosen)), chosen] - self.values[:, 0]
        return Score.of(gained, self.weights, self.groups)


@dataclass(eq=False)
class PolicyTask:
    """Everything that candidates share; `score` judges one."""

    market: Market
    base: RecommenderConfig
    panel: Panel
    periods: Periods
    graph: CausalGraph
    seed: int
    _tastes: dict[str, np.ndarray] = field(default_factory=dict)
    _truths: dict[str, _Truth] = field(default_factory=dict)

    unit = "more outcomes for 1,000 opportunities than by contacting nobody"
    scale = 1000.0

    @cached_property
    def days(self) -> np.ndarray:
        """Local day of each row."""
        return self.market.local_days(self.panel.frame["decided_at"])

    @property
    def binary(self) -> bool:
        """Whether the outcome is 0/1."""
        return is_binary(self.panel.frame[self.panel.outcome].to_numpy(np.float64))

    def score(self, config: RecommenderConfig, part: str = "validation") -> Score:
        """Value of the policy of a candidate that learned before a part."""
        return self._score(config, part, self._between(*self.periods.learns(part)))

    def preview(self, config: RecommenderConfig) -> Score | None:
        """Value after learning from a third of the customers; None where that saves nothing."""
        rows = self._between(*self.periods.learns("validation"))
        if len(rows) < _PREVIEW_ROWS:
            return None
        drawn = np.random.default_rng(self.seed).permutation(int(self.panel.frame["customer"].max()) + 1) % 3 == 0
        return self._score(config, "validation", rows[drawn[self.panel.frame["customer"].to_numpy()[rows]]])

    def _score(self, config: RecommenderConfig, part: str, learned: np.ndarray) -> Score:
        truth = self.truth(part)
        return truth.gain(_policy(self._predict(config, learned, truth), truth.weights, truth.share))

    def choices(self, config: RecommenderConfig, part: str) -> np.ndarray:
        """Arm (0: no contact, 1..: `truth`'s channels) that a candidate's policy chooses for each row of a part."""
        truth = self.truth(part)
        learned = self._between(*self.periods.learns(part))
        return _policy(self._predict(config, learned, truth), truth.weights, truth.share)

    def references(self, part: str = "validation") -> dict[str, Score]:
        """Policies without a model: nobody, as many contacts by lot, and what the company did (fewer contacts)."""
        truth = self.truth(part)
        sent = np.bincount(truth.arms, weights=truth.weights, minlength=truth.values.shape[1])[1:]
        lot = (truth.values - truth.values[:, :1])[:, 1:] @ (truth.share * sent / sent.sum())
        return {
            "contact nobody": truth.gain(np.zeros(len(truth.arms), dtype=np.int64)),
            "as many contacts by lot": Score.of(lot, truth.weights, truth.groups),
            "what was done": Score.of(truth.outcome - truth.values[:, 0], truth.weights, truth.groups),
        }

    def _predict(self, config: RecommenderConfig, learned: np.ndarray, truth: _Truth) -> np.ndarray:
        """Predicted effect of each judged channel on the rows of a part; minus infinity where nothing was learned."""
        rng = np.random.default_rng(self.seed)
        recipe = recipe_of(config.head, settings=config.learner)
        panel = self._with_taste(config)
        past = panel.take(learned)
        adjustment = choose_columns(past, None if recipe.all_columns else self.graph)
        if not recipe.all_columns:
            adjustment = drop_silent_columns(past, adjustment, rng)
        rows, design = training_rows(past, adjustment.columns)
        model = recipe.fit(rows, rng)
        found = predict_quickly(model, design.transform(panel.frame.iloc[truth.rows])).uplift
        uplift = np.full((len(truth.rows), len(truth.channels)), -np.inf)
        for place, channel in enumerate(truth.channels):
            if channel in rows.channels:
                uplift[:, place] = found[:, rows.channels.index(channel)]
        return uplift

    def _with_taste(self, config: RecommenderConfig) -> Panel:
        """The panel with the appetite of a candidate, each fitted before its row; kept for the next candidate."""
        key = f"{config.appetite} {config.filter_settings}"
        if key not in self._tastes:
            if len(self._tastes) > 40:
                self._tastes.pop(next(iter(self._tastes)))
            self._tastes[key] = self._taste(config)
        return self.panel.with_covariates(pd.DataFrame({"appetite": self._tastes[key]}), {"appetite": "Appetite"})

    def _taste(self, config: RecommenderConfig) -> np.ndarray:
        frame, offers = self.panel.frame, self.panel.offers
        if offers is None:
            raise DataError("this panel was made from a ready-made table and has no offers")
        times = to_microseconds(frame["decided_at"])
        rows = frame["customer"].to_numpy(), frame["offer"].to_numpy(), times
        return appetite_as_of(self.market, offers, *rows, model=appetite_model(config), rng=self.seed)

    def truth(self, part: str) -> _Truth:
        """Scores of a part, worked out when it is first asked for."""
        if part not in self._truths:
            self._truths[part] = self._judge(self._between(*self.periods.judges(part)), part)
        return self._truths[part]

    def _judge(self, rows: np.ndarray, part: str) -> _Truth:
        panel = self._with_taste(self.base)
        frame = panel.frame.iloc[rows]
        counts = frame.loc[panel.contacted[rows], panel.treatment].astype(str).value_counts()
        judged = [channel for channel in panel.channels if counts.get(channel, 0) >= FEWEST_CONTACTS]
        rows = rows[frame[panel.treatment].astype(str).isin([panel.control, *judged]).to_numpy()]
        own = panel.take(rows)
        self._check_events(own, part)
        adjustment = choose_columns(own, self.graph)
        training, _ = training_rows(own, adjustment.columns)
        fold_rng, group_rng = np.random.default_rng([self.seed, part == "last"]).spawn(2)
        shared = fit_nuisances(training, fold_rng, settings=LearnerSettings(clip=_CLIP))
        values = shared.means(training.matrix)
        arms = training.channel
        received = arms[:, None] == np.arange(values.shape[1])
        residual = training.outcome - values[np.arange(len(arms)), arms]
        values = values + received * (shared.inverse(arms) * residual)[:, None]
        groups = customer_groups(training.clusters, group_rng)
        return _Truth(rows, values, arms, training.channels, training.outcome, training.weights, groups)

    def _check_events(self, own: Panel, part: str) -> None:
        words = "validation period" if part == "validation" else "last period"
        events = int((own.frame[own.outcome].to_numpy()[own.contacted] != 0).sum()) if len(own.frame) else 0
        if events < _FEWEST_EVENTS:
            raise DataError(
                f"the {words} ({' to '.join(map(str, self.periods.to_dict()[part]))}) has {events} contacted customers "  # type: ignore[call-overload]
                f"with an outcome; {_FEWEST_EVENTS} are needed to value a policy: give a longer record or coarser "
                "offers, or tune the appetite alone (goal appetite)"
            )

    def _between(self, first: int, end: int) -> np.ndarray:
        """Positions of the rows decided within some days."""
        return np.flatnonzero((self.days >= first) & (self.days <= end))


def prepare_policies(
    market: Market, base: RecommenderConfig, graph: CausalGraph | None, seed: int, say: Callable[[str], None]
) -> PolicyTask:
    """Build the panel, cut it, and find the graph on the training part.

    Raises
    ------
    DataError
        No contacts, too few periods, or too few outcomes to value a policy.
    """
    if market.solicitations.empty:
        raise DataError(
            "this market has no contacts, so no policy can be valued and no effect model tuned; tune the appetite "
            "instead (goal appetite), or add the table of solicitations"
        )
    panel_rng, graph_rng = np.random.default_rng(seed).spawn(2)
    say("building the opportunity panel")
    panel = Recommender(base)._panel(market, panel_rng)  # the very rows that training will see
    periods = cut_periods(market.local_days(panel.frame["decided_at"]), base.horizon_days)
    task = PolicyTask(market, base, panel, periods, graph or CausalGraph([], []), seed)
    if graph is None:
        say("discovering the causal graph on the training part")
        known = task._with_taste(base).take(task._between(*periods.train))
        task = replace(task, graph=discover_graph(known, 0, graph_rng))
    say("scoring the validation part")
    task.truth("validation")
    return task


def _policy(uplift: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """Arm of each row: the best channel of the rows with the largest effect, until the share is used up."""
    best = uplift.argmax(axis=1)
    effect = uplift[np.arange(len(best)), best]
    order = np.argsort(-effect, kind="stable")
    used = np.cumsum(weights[order]) - weights[order] / 2  # the row on the border counts by its middle
    chosen = np.zeros(len(best), dtype=np.int64)
    sent = order[(used <= share * weights.sum()) & (effect[order] > 0)]
    chosen[sent] = 1 + best[sent]
    return chosen
