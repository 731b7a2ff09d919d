"""The planted kinds of customers of a generated clickstream.

Hides what makes one kind differ from another: how often they come, how deep they look, what they pay, when they are
awake and how a look becomes a purchase. A segmentation that works finds these kinds again, because the truth is kept.

Alternative considered: one population with continuous parameters. Nobody could say whether a segmentation of it is
right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["HABITS", "Habit"]


@dataclass(frozen=True)
class Habit:
    """How one kind of customer behaves.

    Attributes
    ----------
    name : str
        Word of the truth table.
    share : float
        Share of the customers.
    sessions : float
        Relative number of sessions.
    views : float
        Mean number of products looked at in a session, at least 1.
    cart, purchase, removal : float
        Probability that a view leads to the cart; that a cart ends in a purchase; that another cart is emptied.
    tier : (float, float)
        Parameters of the Beta distribution of the price rank within a category (0 cheapest, 1 dearest).
    breadth : float
        Mean number of the favourite category drawn (0: always the first favourite).
    hour : float
        Local hour at which activity peaks.
    spread : float
        Standard deviation of the hour, in hours.
    weekend : float
        Factor of the activity on Saturday and Sunday.
    season : float
        Factor of the activity from 15 November to 31 December.
    """

    name: str
    share: float
    sessions: float
    views: float
    cart: float
    purchase: float
    removal: float
    tier: tuple[float, float]
    breadth: float
    hour: float
    spread: float
    weekend: float
    season: float

    def mean_events(self) -> float:
        """Expected number of events of one session."""
        return self.views * (1 + self.cart * (1 + self.purchase + (1 - self.purchase) * self.removal))

    def day_factor(self, day: np.datetime64) -> float:
        """Activity on a day relative to an ordinary weekday."""
        weekend = (day.astype("datetime64[D]").astype(int) + 3) % 7 >= 5
        date = str(day)[5:10]
        return (self.weekend if weekend else 1.0) * (self.season if date >= "11-15" else 1.0)


HABITS = (
    Habit("window_shopper", 0.34, 1.0, 6.0, 0.02, 0.15, 0.3, (2.0, 2.0), 2.5, 15.0, 4.0, 1.3, 1.2),
    Habit("bargain_hunter", 0.20, 1.2, 4.0, 0.18, 0.45, 0.4, (1.2, 6.0), 2.0, 12.0, 4.0, 1.0, 1.6),
    Habit("loyal_regular", 0.16, 2.4, 2.5, 0.30, 0.70, 0.1, (3.0, 3.0), 0.3, 18.0, 2.5, 0.8, 1.1),
    Habit("premium_buyer", 0.10, 0.9, 5.0, 0.15, 0.60, 0.1, (7.0, 1.3), 0.8, 20.0, 2.5, 1.1, 1.2),
    Habit("gift_giver", 0.12, 0.4, 5.0, 0.20, 0.55, 0.2, (4.0, 3.0), 3.5, 19.0, 3.0, 1.5, 5.0),
    Habit("abandoner", 0.0795, 1.4, 3.0, 0.40, 0.08, 0.5, (3.0, 3.0), 1.2, 22.0, 2.0, 1.0, 1.0),
    Habit("bot", 0.0005, 4.0, 150.0, 0.0, 0.0, 0.0, (1.0, 1.0), 30.0, 3.0, 8.0, 1.0, 1.0),
)
"""The planted kinds; their shares sum to one."""
