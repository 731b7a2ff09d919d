"""One call that simulates a market and keeps its truth.

Hides the checking of parameters and the order in which the parts are built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphrec.market.simulation.coefficients import CHANNELS, SLOTS
from graphrec.market.simulation.population import draw_population
from graphrec.market.simulation.process import run_market
from graphrec.market.simulation.recording import period_starts, record_tables
from graphrec.market.simulation.structural import Setting, season_of
from graphrec.market.simulation.truth import Truth
from graphrec.market.tables import Market

__all__ = ["Simulation", "simulate_market"]


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated market and what is true in it.

    Attributes
    ----------
    market : Market
        The tables, as a company would have them.
    truth : Truth
        Graph, propensities, potential outcomes and equations.
    """

    market: Market
    truth: Truth


def simulate_market(
    customers: int = 2_000,
    products: int = 200,
    periods: int = 12,
    *,
    rng: int | np.random.Generator | None = None,
    channels: Sequence[str] = ("email", "call", "mailing"),
    confounding: float = 1.0,
    overlap: float = 1.0,
    popularity: float = 1.0,
    randomised: float = 0.0,
    latent_targeting: float = 0.0,
    bad_control: bool = False,
    collider: bool = False,
    contact_share: float | None = None,
    log_propensity: bool = True,
    warmup: int | None = None,
    slots: Sequence[str] = (),
    slot_effect: float = 1.0,
    annoyance: float = 0.0,
    spillover: float = 0.0,
    crowding: float = 0.0,
) -> Simulation:
    """Simulate a market whose effects are known.

    Customers with recorded traits and latent tastes look at and buy products in periods of 28 days from 2024-01-01
    on. A stochastic legacy policy contacts some of them about some products at the start of each period. Its score
    rests on recorded history, popularity, wealth and tenure, so by default history and traits close the backdoor
    path. Contacts change the probability of buying (`Truth.potential_outcomes`), for some customers downwards.

    Parameters
    ----------
    customers, products, periods : int
        Size of the market; a period has 28 days.
    rng : int, Generator or None
        Seed: the same seed gives the same bytes.
    channels : sequence of str
        Some of ``"email"``, ``"call"``, ``"mailing"``.
    confounding : float
        Weight in the policy of what also drives buying (wealth, history, popularity) and of the traits that modify
        the effect; 0: contacts depend on tenure alone, which drives nothing else.
    overlap : float
        Divides the policy's score: above 1 contact probabilities come closer together, below 1 they spread.
    popularity : float
        How unequal products are, in buying and in targeting.
    randomised : float
        Share of the customers in each period whose contacts ignore the policy: every product has the probability
        ``contact_share``, every channel the same share of it.
    latent_targeting : float
        Weight of latent taste in the policy; above 0 the effect is not identifiable from the tables, and no
        propensity is logged.
    bad_control : bool
        Add ``engagement_score`` (undated, without a role) and ``satisfaction_index`` (role Satisfaction), both
        driven by contacts and purchases.
    collider : bool
        Add ``survey_interest`` (role SurveyAnswer, dated before the first period): the sum of a latent that drives
        contacts and another that drives buying.
    contact_share : float, optional
        Mean contact probability of a (customer, product) pair at the first decision; it grows two- or threefold as
        history builds up. By default 0.6 contacts for each customer: ``min(0.6 / products, 0.1)``.
    log_propensity : bool
        Record the probability of each contact in ``solicitations.propensity``.
    warmup : int, optional
        Periods without contacts before the first ones; by default a quarter of all.
    slots : sequence of str
        Two or more of ``"weekday_morning"``, ``"weekday_afternoon"``, ``"weekday_evening"``: when on the day a contact
        goes out, recorded in ``solicitations.slot`` (``sent_at`` stays the moment of the decision). The policy chooses
        the slot by traits that also drive buying; what a contact adds depends on customer and slot, by age and by
        whether somebody is up late, which the hours of visits show. The propensity on record is that of the channel.
    slot_effect : float
        Multiplies what slots change; 0: contacts work alike in all of them.
    annoyance : float
        How much more contacts make customers unsubscribe, and calls the old, whom they also persuade.
    spillover : float
        Change of the logit of buying a product when the neighbour is contacted about it; every two customers are
        neighbours.
    crowding : float
        A contact's strength is divided by ``1 + crowding x (other contacts of the customer in the period)``.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        A parameter is out of range; the message names the range.

    Notes
    -----
    Unless ``spillover`` or ``crowding`` is set, contacts about one product do not change the purchase of another in
    the same period, nor of other customers. The truth is about one contact alone; `Truth.joint_outcomes` is about many
    at once. Time is O(periods x customers x products): a second or two at the default size. Memory is 12 bytes for
    each pair plus about 300 bytes for each event.

    The legacy policy heeds neither consents nor unsubscriptions; a plan must.

    Examples
    --------
    >>> sim = simulate_market(customers=60, products=12, periods=4, rng=0)
    >>> sim.market.solicitations["channel"].isin(["email", "call", "mailing"]).all()
    np.True_
    >>> truth = sim.truth.potential_outcomes(["C001"], ["P001"])
    >>> truth["channel"].tolist()
    ['email', 'call', 'mailing']
    """
    _check_sizes(customers=(customers, 1), products=(products, 1), periods=(periods, 1))
    contact_share = min(0.6 / products, 0.1) if contact_share is None else contact_share
    _check_numbers(
        confounding=(confounding, 0.0, np.inf),
        overlap=(overlap, 1e-3, np.inf),
        popularity=(popularity, 0.0, np.inf),
        randomised=(randomised, 0.0, 1.0),
        latent_targeting=(latent_targeting, 0.0, np.inf),
        contact_share=(contact_share, 1e-6, 0.5),
        slot_effect=(slot_effect, 0.0, np.inf),
        annoyance=(annoyance, 0.0, np.inf),
        spillover=(spillover, -np.inf, np.inf),
        crowding=(crowding, 0.0, np.inf),
    )
    unknown = [name for name in channels if name not in CHANNELS]
    if unknown or not channels or len(set(channels)) < len(channels):
        raise ValueError(f"channels are {list(channels)!r}; choose one or more of {', '.join(CHANNELS)}, each once")
    if any(name not in SLOTS for name in slots) or len(slots) == 1 or len(set(slots)) < len(slots):
        raise ValueError(f"slots are {list(slots)!r}; choose two or more of {', '.join(SLOTS)}, each once, or none")
    warmup = periods // 4 if warmup is None else warmup
    if not 0 <= warmup < periods:
        raise ValueError(f"warmup is {warmup}; with {periods} periods use 0 to {periods - 1}")
    starts = period_starts(periods)
    setting = Setting(
        periods=periods,
        warmup=warmup,
        channels={name: CHANNELS[name] for name in channels},
        confounding=confounding,
        overlap=overlap,
        popularity=popularity,
        randomised=randomised,
        latent_targeting=latent_targeting,
        bad_control=bad_control,
        collider=collider,
        contact_share=contact_share,
        log_propensity=log_propensity and not latent_targeting,
        seasons=season_of(starts),
        slots={name: SLOTS[name] for name in slots},
        slot_effect=slot_effect,
        annoyance=annoyance,
        spillover=spillover,
        crowding=crowding,
    )
    drawing, running, recording = np.random.default_rng(rng).spawn(3)
    people = draw_population(customers, products, periods, drawing)
    log = run_market(people, setting, running)
    tables, roles = record_tables(people, setting, log, recording)
    market = Market.from_frames(
        customers=tables["customers"],
        products=tables["products"],
        solicitations=tables["solicitations"],
        events=tables["events"],
        consents=tables["consents"],
        feedback=tables["feedback"],
        roles=roles,
    )
    return Simulation(market, Truth(people, setting, log, starts))


def _check_sizes(**sizes: tuple[int, int]) -> None:
    for name, (value, least) in sizes.items():
        if int(value) != value or value < least:
            raise ValueError(f"{name} is {value!r}; use a whole number of at least {least}")


def _check_numbers(**numbers: tuple[float, float, float]) -> None:
    for name, (value, low, high) in numbers.items():
        if not low <= value <= high:
            raise ValueError(f"{name} is {value!r}; use a number from {low:g} to {high:g}")
