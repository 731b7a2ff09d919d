"""Every number of the simulated market's structural equations.

Hides the values, not the form: `structural` holds the equations. Keys are the names of the panel's columns where the
panel has one. Numbers were set so that the default market shows what real ones do: those contacted buy about ten
times as often as a random pair, the naive difference is several times the effect, and the best persuadables are not
the best buyers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "ANNOYANCE",
    "CHANNELS",
    "CLICK_TASTE",
    "FADE_MIDDLE",
    "FADE_WIDTH",
    "LEAVING",
    "ORGANIC",
    "SLOTS",
    "STATE_SHARES",
    "TARGETING",
    "VIEWING",
    "Channel",
    "Slot",
]

ORGANIC: Mapping[str, float] = {
    "intercept": -5.7,
    "taste": 1.15,
    "appeal": 0.6,
    "activity": 0.35,
    "wealth": 0.75,
    "wealth:price": 0.3,
    "price": -0.25,
    "household_size": 0.15,
    "season": 0.25,
    "log1p(offer_purchases)": 0.5,
    "log1p(offer_views)": 0.2,
    "log1p(category_purchases)": 0.1,
    "floor(recency_days / 28)": -0.15,
    "opinion": 0.9,
}
"""Logit of buying without contact. Popularity scales ``appeal``; ``opinion`` counts in collider markets only."""

TARGETING: Mapping[str, float] = {
    "wealth": 1.0,
    "log1p(offer_purchases)": 1.8,
    "log1p(offer_views)": 1.0,
    "log1p(past_purchases)": 0.2,
    "log1p(popularity)": 0.3,
    "tenure": 0.4,
    "taste": 1.5,
    "zeal": 1.2,
}
"""Score of the legacy policy; tenure moves contacts only (an instrument), taste and zeal are off by default."""

VIEWING: Mapping[str, float] = {
    "intercept": -4.1,
    "taste": 0.9,
    "appeal": 0.4,
    "activity": 0.3,
    "digital_affinity": 0.4,
}
"""Logit of looking at a product in a period without buying it."""

LEAVING: Mapping[str, float] = {"intercept": -5.8, "strength": -0.5, "log1p(contact_pressure)": 0.4, "annoyance": 2.0}
"""Logit of unsubscribing after a contact; ``annoyance`` counts where the market was made with it."""

STATE_SHARES = (0.3, 0.8, 1.3, 1.8)
"""Share of a contact's strength that acts when it is ignored, opened, clicked, followed by a visit."""

FADE_MIDDLE, FADE_WIDTH, ANNOYANCE = -0.6, 0.7, 0.15
"""A positive strength is multiplied by 1.15 / (1 + exp((organic logit + 0.6) / 0.7)) - 0.15."""


@dataclass(frozen=True)
class Channel:
    """How one channel works.

    Parameters
    ----------
    cost : float
        Cost of one contact in euros.
    base : float
        Strength (logit) for the average customer.
    traits : mapping of str to float
        Change of strength for one standard deviation of a trait (``"price"`` is the product's).
    fatigue : float
        Strength lost for each unit of log1p(contacts of the 28 days before).
    share : float
        Logit of being chosen by the legacy policy for the average customer.
    share_traits : mapping of str to float
        Change of that logit for one standard deviation of a trait.
    opens : mapping of str to float
        Logit of opening: intercept and traits.
    click, visit : float
        Logit of a click once opened for average taste; probability of a visit once clicked.
    annoys : mapping of str to float
        Change of the logit of unsubscribing where contacts annoy: ``"all"`` for everybody, and for one standard
        deviation of a trait. Calls persuade the old and drive them away: selling and keeping are two things.
    """

    cost: float
    base: float
    traits: Mapping[str, float]
    fatigue: float
    share: float
    share_traits: Mapping[str, float]
    opens: Mapping[str, float]
    click: float
    visit: float
    annoys: Mapping[str, float] = field(default_factory=dict)


CHANNELS: Mapping[str, Channel] = {
    "email": Channel(
        cost=0.02,
        base=2.0,
        traits={"digital_affinity": 1.0, "age": -0.2, "wealth": -0.25, "price": -0.2},
        fatigue=0.4,
        share=0.4,
        share_traits={"digital_affinity": 0.4},
        opens={"intercept": -0.5, "digital_affinity": 0.8},
        click=-1.0,
        visit=0.75,
    ),
    "call": Channel(
        cost=4.5,
        base=1.9,
        traits={"age": 0.9, "digital_affinity": -0.6, "wealth": -0.25, "price": 0.3},
        fatigue=0.7,
        share=-0.2,
        share_traits={"age": 0.3},
        opens={"intercept": 0.4, "age": 0.5},
        click=-1.6,
        visit=0.6,
        annoys={"all": 0.6, "age": 1.2},
    ),
    "mailing": Channel(
        cost=0.9,
        base=2.1,
        traits={"age": 0.3, "household_size": 0.5, "wealth": -0.25},
        fatigue=0.3,
        share=0.0,
        share_traits={},
        opens={"intercept": 0.1, "age": 0.2},
        click=-2.0,
        visit=0.6,
    ),
}
CLICK_TASTE = 0.6
"""Change of the logit of a click for one standard deviation of taste."""


@dataclass(frozen=True)
class Slot:
    """How the moment of a contact matters.

    Parameters
    ----------
    hour : float
        Local hour at which the contact goes out.
    base : float
        Change of a contact's strength (logit) for the average customer.
    traits : mapping of str to float
        Change of strength for one standard deviation of a trait; ``"chronotype"`` is latent, high for evening people,
        and seen in the hours of a customer's visits.
    share, share_traits
        As of a channel: the legacy policy's choice of slot.
    """

    hour: float
    base: float
    traits: Mapping[str, float]
    share: float
    share_traits: Mapping[str, float]


SLOTS: Mapping[str, Slot] = {
    "weekday_morning": Slot(
        hour=8.0, base=0.0, traits={"age": 0.6, "chronotype": -0.9}, share=0.4, share_traits={"wealth": -0.5}
    ),
    "weekday_afternoon": Slot(
        hour=13.0, base=-0.3, traits={"household_size": -0.4}, share=0.0, share_traits={"digital_affinity": -0.3}
    ),
    "weekday_evening": Slot(
        hour=18.0, base=0.1, traits={"age": -0.6, "chronotype": 0.9}, share=-0.2, share_traits={"wealth": 0.7}
    ),
}
"""Evenings go to the wealthy, who buy anyway, and work for the young and those who are up late."""
