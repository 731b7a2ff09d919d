"""The recommender: fit once on a market's history, then say whom to contact about what, by which channel.

Hides the whole line from market to scores: panel, appetite, graph, effect model, scoring. Everything it decides can be
read off its attributes; everything that can be set is in `RecommenderConfig`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causal.graph import CausalGraph
from graphrec.decisions.panelgraph import discover_graph
from graphrec.decisions.purchasegraph import appetite_model, with_appetite
from graphrec.decisions.questions import check_request, choose_channels, choose_slots, customer_codes, decision_time
from graphrec.decisions.repertoire import choose_offers, possible_pairs, tried_offers
from graphrec.decisions.settings import OUTCOMES, RecommenderConfig, check_graph, generator, settings_of
from graphrec.learning.appetite import Appetite, fit_appetite
from graphrec.learning.effects import EffectModel, fit_effects
from graphrec.learning.heads.registry import Head, recipe_of, slots_of
from graphrec.market.covariates import Covariates
from graphrec.market.offers import Offers
from graphrec.market.panel import Panel, build_panel
from graphrec.market.tables import DataError, Market

if TYPE_CHECKING:
    from graphrec.decisions.guard import Guard
    from graphrec.decisions.judgement import Judgement
    from graphrec.decisions.money import Money
    from graphrec.decisions.scoring import Scorer
    from graphrec.learning.credibility.badcontrols import ControlAudit

__all__ = ["NotFitted", "Recommender", "RecommenderConfig", "load_recommender"]


class NotFitted(ValueError):
    """The recommender has to be fitted first."""


class Recommender:
    """Ranks (offer, channel) for each customer by what the contact changes.

    Parameters
    ----------
    config : RecommenderConfig, optional
    head : str, callable or scikit-learn estimator, optional
        Another learner of potential outcomes than ``config.head``: its name; a function ``head(rows, rng) -> model with
        predict(matrix)``; or an estimator, which then is the outcome model of a T-learner.
    outcome_model, propensity_model : scikit-learn estimator, optional
        Plugged into the named learner: a classifier with probabilities or a regressor for the outcome of each arm (the
        structured learner then adds effects up instead of their logits); a classifier for the contact. They are cloned
        and never changed, and must take ``sample_weight`` where rows have different weights.

    Attributes
    ----------
    panel : Panel
        The rows it was fitted on.
    graph : CausalGraph
        Given or discovered.
    effects : EffectModel
        Effect model with adjustment, exposure and negative control.
    appetite : Appetite or None
        Purchase-graph model as of the end of the history.
    guard : Guard
        Whether choosing by customer beats the best single action.
    judgement : Judgement
        The guard, and how the size of predicted effects compares with what customers left out show.

    Examples
    --------
    >>> import graphrec
    >>> sim = graphrec.simulate_market(customers=120, products=20, periods=6, rng=0)
    >>> model = graphrec.Recommender().fit(sim.market, graph=sim.truth.graph, rng=0)
    >>> model.recommend(n=3, customers=["C001"])["rank"].tolist()
    [1, 2, 3]
    """

    def __init__(
        self,
        config: RecommenderConfig | None = None,
        *,
        head: str | Head | Any = None,
        outcome_model: Any = None,
        propensity_model: Any = None,
    ) -> None:
        given = settings_of(config)
        self.config = replace(given, head=head) if isinstance(head, str) else given
        self.head = None if isinstance(head, str) else head
        self._recipe = recipe_of(
            self.config.head if self.head is None else self.head,
            outcome_model=outcome_model,
            propensity_model=propensity_model,
            settings=self.config.learner,
        )
        self._state: tuple[Panel, CausalGraph, EffectModel] | None = None
        self.market: Market | None = None
        self.appetite: Appetite | None = None

    def fit(
        self,
        data: Market | Panel,
        *,
        graph: CausalGraph | None = None,
        rng: int | np.random.Generator | None = None,
        progress: bool = False,
        checkpoint: str | Path | None = None,
    ) -> Recommender:
        """Learn appetite, adjustment and effects.

        Parameters
        ----------
        data : Market or Panel
            A market's history, or a ready-made panel (an e-mail experiment).
        graph : CausalGraph, optional
            Over the panel's variables; discovered under the ontology's knowledge when it is not given.
        rng : int, Generator or None
            Seed; the same seed gives the same model, byte for byte.
        progress : bool
            Say on stderr what is being done.
        checkpoint : path, optional
            Folder in which the training of the graph encoder survives Ctrl-C; the same call then goes on from there.

        Returns
        -------
        Recommender
            Itself, fitted.

        Raises
        ------
        DataError
            No contacts, no outcome, or an unusable column.
        """
        check_graph(graph)
        say = _narrator(progress)
        market, appetite = None, None
        panel_rng, appetite_rng, graph_rng, effect_rng = generator(rng).spawn(4)
        if isinstance(data, Panel):
            panel = data
        elif isinstance(data, Market):
            say("building the opportunity panel")
            market, panel = data, self._panel(data, panel_rng)
            say("fitting the purchase graph")
            kind = appetite_model(self.config)
            panel, appetite = with_appetite(data, panel, kind, appetite_rng, progress=progress, checkpoint=checkpoint)
        else:
            raise DataError(f"fit needs a Market or a Panel, not a {type(data).__name__}")
        if graph is None:
            say("discovering the causal graph")
            graph = discover_graph(panel, self.config.bootstraps, graph_rng, progress=progress)
        say("learning the effect of each contact")
        self.restore(panel, graph, fit_effects(panel, graph, effect_rng, self._recipe), market, appetite)
        if self.config.recalibrate or self.config.sensitivity:
            from graphrec.decisions.judgement import refine

            say("judging the model")
            self._state = (panel, graph, refine(self))
        return self

    def restore(
        self,
        panel: Panel,
        graph: CausalGraph,
        effects: EffectModel,
        market: Market | None,
        appetite: Appetite | None,
    ) -> None:
        """Put all parts of a fitted model in place at once; also used when a saved model is read."""
        for judged in ("judgement", "audit"):
            self.__dict__.pop(judged, None)
        self._state = (panel, graph, effects)
        self.market, self.appetite = market, appetite

    def _panel(self, market: Market, rng: np.random.Generator) -> Panel:
        config, names = self.config, ("offer", "horizon_days", "controls_per_contact", "slots", "behaviour")
        asked = {name: getattr(config, name) for name in names}
        panel = build_panel(market, **asked, rng=rng)
        counted = panel.frame[OUTCOMES[config.outcome]].to_numpy(np.float64)
        return replace(panel, frame=panel.frame.assign(outcome=counted))

    @property
    def panel(self) -> Panel:
        """The rows the model was fitted on."""
        return self._fitted()[0]

    @property
    def graph(self) -> CausalGraph:
        """The causal graph that chose the columns."""
        return self._fitted()[1]

    @property
    def effects(self) -> EffectModel:
        """The fitted effect model."""
        return self._fitted()[2]

    @cached_property
    def judgement(self) -> Judgement:
        """What the model is worth on customers left out: worked out when first asked for, by three more fits.

        Its ``guard`` compares choosing by customer with the best single action for everybody, its ``calibration`` the
        size of predicted effects with doubly robust scores.
        """
        from graphrec.decisions.judgement import judge

        return judge(self.panel, self.effects, self._recipe)

    @cached_property
    def audit(self) -> ControlAudit:
        """Which columns were kept out, and how wrong the average effect would have been with them."""
        from graphrec.decisions.judgement import audit_columns

        return audit_columns(self.panel, self.effects, self.market)

    @property
    def guard(self) -> Guard:
        """Whether choosing by customer beats the best single action; see `graphrec.decisions.guard`."""
        return self.judgement.guard

    def _fitted(self) -> tuple[Panel, CausalGraph, EffectModel]:
        if self._state is None:
            raise NotFitted("this recommender is not fitted; call .fit(market) first")
        return self._state

    def recommend(
        self,
        n: int = 10,
        *,
        market: Market | Any = None,
        customers: Sequence[Any] | None = None,
        as_of: object = None,
        channels: Sequence[str] | None = None,
        slots: Sequence[str] | None = None,
        by: str = "uplift",
    ) -> pd.DataFrame:
        """Best (offer, channel, slot) rows of each customer.

        Parameters
        ----------
        n : int
            Rows for each customer.
        market : Market or dataframe, optional
            Another state of the same business (new customers, new dates); the training market by default. For a
            recommender fitted on a ready-made panel: a table of new units.
        customers : sequence, optional
            Identifiers to score, each once; all by default. Units of a table are named as `Panel.from_frame` says.
        as_of : time-like, optional
            Moment of the decision; only records before it are used. The end of the market's records by default.
            Without a time zone it is UTC.
        channels, slots : sequence of str, optional
            Channels and slots to consider; all that were learned by default. Where slots make no difference the most
            used one comes first; where past contacts had none, the column ``slot`` is empty.
        by : {"uplift", "uplift_low", "net_value"}
            What rank 1 maximises; the lower end of the interval heeds doubt, with ``config.sensitivity`` also that of a
            hidden cause.

        Returns
        -------
        pandas.DataFrame
            Columns customer_id, rank, product_id (or offer_id), channel, slot, p_organic, p_contact, uplift,
            uplift_low, uplift_high, value, cost, net_value, grade. Where the outcome is a count or an amount, p_organic
            and p_contact are its expected values. Intervals are of the conditional mean, not of one
            person's own effect. Grade A: randomised; B: adjusted, supported by past contacts (customers alike, and the
            offer itself) and not refuted by the negative control; C: by the model only; X: not identifiable, and the
            interval says that anything is possible. A customer gets fewer than ``n`` rows where there are fewer pairs
            of offer and channel. ``net_value`` is uplift x value - cost, less what unsubscriptions cost where they are
            frequent enough to be learned; what sells and chases away is left out by net value, and graded C by uplift.

        Raises
        ------
        NotFitted
            Before `fit`.
        DataError
            Unknown customer, channel, slot or moment, or a column of the training data is missing.
        """
        chosen = choose_channels(self.effects.channels, channels)
        moments = choose_slots(slots_of(self.effects.model), slots, self.panel.slots)
        check_request(n, by, customers)
        target = self.market if market is None else market
        if isinstance(target, Market):
            return self.scorer(target, as_of).scores(customer_codes(target, customers), chosen, n, by, moments)
        from graphrec.decisions.units import score_units

        if as_of is not None:
            raise DataError("as_of needs a market, whose records have dates; a table of units is scored as it is")
        return score_units(self, target, chosen, n, by, customers, moments)

    def scorer(self, market: Market | None = None, as_of: object = None) -> Scorer:
        """Scorer of a market at a moment: covariates, potential outcomes and money of any customers.

        Parameters
        ----------
        market, as_of
            As in `recommend`.

        Raises
        ------
        DataError
            There is no market, or nothing was recorded before the moment.
        """
        from graphrec.decisions.harm import price_harm
        from graphrec.decisions.scoring import Scorer

        target = market if market is not None else self.market
        if target is None:
            raise DataError("this recommender was fitted on a ready-made panel; use recommend(market=table)")
        effects = self.effects
        time = decision_time(target, as_of)
        offers, appetite, money = self._aligned(target, time)
        candidates = choose_offers(target, offers, self.config.maximum_offers)
        return Scorer(
            effects=effects,
            appetite=appetite,
            covariates=Covariates(target, offers, self.panel.behaviour),
            offers=candidates,
            money=money,
            time=time,
            level=self.config.level,
            possible=possible_pairs(target, offers, effects.channels)[candidates],
            tried=tried_offers(offers, self.panel)[candidates],
            harm=price_harm(self.config, effects, self.panel, offers, money, len(target.customers)),
        )

    def side_effects(self, scores: pd.DataFrame, *, market: Market | None = None, as_of: object = None) -> pd.DataFrame:
        """What the contacts in a table of scores break: one row for each, in their order.

        Columns: customer_id, product_id (or offer_id), channel, slot; the change of P(unsubscribe) and P(complaint)
        within the horizon with its interval, where the market has enough of them; harm (money), harmful (it would pay
        by what it sells, and does not by what it breaks) and reason.
        """
        from graphrec.decisions.sidetable import describe_harm

        return describe_harm(self.scorer(market, as_of), scores)

    def _aligned(self, market: Market, time: int) -> tuple[Offers, Appetite | None, Money]:
        """Offers, appetite and money of the market to score; filters are refitted to it, encoders carried over."""
        from graphrec.decisions.money import price_tags
        from graphrec.market.offers import make_offers

        trained, same = _offers_of(self.panel), market is self.market
        offers, appetite = (trained, self.appetite) if same else (make_offers(market, trained.kind), None)
        if "appetite" in self.effects.design.sources and (appetite is None or time != appetite.as_of):
            known = None if self.appetite is None else self.appetite.encoder
            appetite = fit_appetite(market, offers, time, appetite_model(self.config), rng=0, encoder=known)
        money = price_tags(market, offers, self.panel, self.market)
        if self.config.outcome == "money":
            money = replace(money, value=np.ones_like(money.value))
        return offers, appetite, money

    def save(self, path: str | Path) -> Path:
        """Write the model into a folder (safetensors, Parquet, JSON; never pickle).

        Raises
        ------
        NotStorable
            A plugged-in head has no form that can be stored without pickle.
        DataError
            The folder cannot be written.

        Notes
        -----
        An older model in the folder stands until the new one is complete; other files in it are left alone.
        """
        from graphrec.decisions.storage import save_recommender

        return save_recommender(self, Path(path))


def load_recommender(path: str | Path) -> Recommender:
    """Read a recommender written by `Recommender.save`.

    Raises
    ------
    DataError
        The folder holds no recommender, is incomplete or damaged, or was written by another version.
    """
    from graphrec.decisions.storage import read_recommender

    return read_recommender(Path(path))


def _offers_of(panel: Panel) -> Offers:
    if panel.offers is None:
        raise DataError("this panel was made from a ready-made table and has no offers")
    return panel.offers


def _narrator(progress: bool) -> Callable[[str], None]:
    """Says what is being done on stderr, or nothing."""
    return lambda text: print(f"  {text} ...", file=sys.stderr, flush=True) if progress else None  # noqa: T201
