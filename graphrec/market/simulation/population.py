"""Who lives in a simulated market: customers, products and the latent tastes that tie them.

Hides how traits and tastes are drawn. Traits are standardised with fixed constants, never with the sample's own mean
and spread, so that a customer means the same in every market.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["CATEGORIES", "Floats", "Ints", "Population", "draw_population"]

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

CATEGORIES = ("home", "garden", "kitchen", "sport", "travel", "fashion", "electronics", "books")
_TASTES = 4
_BRANDS = 12


@dataclass(frozen=True, eq=False)
class Population:
    """Customers and products, with what is recorded about them and what is not.

    Attributes
    ----------
    customer_ids, product_ids : numpy.ndarray of str
        Identifiers; the position of each is its index everywhere in the simulator.
    traits : dict of str to numpy.ndarray, shape (customers,)
        Recorded traits in their own units: age and tenure in years, income and wealth in euros, household_size in
        persons, digital_affinity in (0, 1).
    z : dict of str to numpy.ndarray, shape (customers,)
        The same, standardised with fixed constants (income and wealth on the log scale).
    category, brand : numpy.ndarray of int, shape (products,)
        Codes.
    price, z_price, margin, stock : numpy.ndarray, shape (products,)
        Price in euros, its standardised logarithm, margin in euros, units in stock.
    taste_of, taste_for : numpy.ndarray, shape (customers, 4) and (products, 4)
        Latent factors; their product is a standard normal for each customer.
    activity, opinion, appeal : numpy.ndarray
        Latent: how much a customer buys at all, what a survey would hear, how good a product is.
    zeal : numpy.ndarray, shape (periods + 1, customers)
        Latent, fresh each period: how far up the customer stands on that period's list.
    chronotype : numpy.ndarray, shape (customers,)
        Latent: above 0 for evening people; counts in markets with slots only.
    """

    customer_ids: npt.NDArray[np.str_]
    product_ids: npt.NDArray[np.str_]
    traits: dict[str, Floats | Ints]
    z: dict[str, Floats]
    category: Ints
    brand: Ints
    price: Floats
    z_price: Floats
    margin: Floats
    stock: Ints
    taste_of: Floats
    taste_for: Floats
    activity: Floats
    opinion: Floats
    appeal: Floats
    zeal: Floats
    chronotype: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Number of customers and of products."""
        return len(self.customer_ids), len(self.product_ids)

    def taste(self, customers: Ints, products: Ints) -> Floats:
        """Latent taste (mean 0, standard deviation 1) of customers for products; the arguments broadcast."""
        found = self.taste_of[customers, 0] * self.taste_for[products, 0]
        for factor in range(1, self.taste_of.shape[1]):
            found = found + self.taste_of[customers, factor] * self.taste_for[products, factor]
        return np.asarray(found)


def draw_population(customers: int, products: int, periods: int, rng: np.random.Generator) -> Population:
    """Draw customers and products; every trait and every latent has a generator of its own."""
    names = ("age", "digital", "income", "wealth", "tenure", "household", "taste", "activity", "opinion", "zeal")
    # New streams come last: the markets of earlier versions keep their bytes.
    streams = dict(zip((*names, "products", "chronotype"), rng.spawn(len(names) + 2)))
    z, traits = _draw_traits(customers, streams)
    goods = _draw_products(products, streams["products"])
    return Population(
        customer_ids=_identifiers("C", customers),
        product_ids=_identifiers("P", products),
        traits=traits,
        z=z,
        taste_of=streams["taste"].normal(size=(customers, _TASTES)),
        activity=streams["activity"].normal(size=customers),
        opinion=streams["opinion"].normal(size=customers),
        zeal=streams["zeal"].normal(size=(periods + 1, customers)),
        chronotype=-0.3 * z["age"] + 0.95 * streams["chronotype"].normal(size=customers),
        **goods,
    )


def _draw_traits(n: int, streams: dict[str, np.random.Generator]) -> tuple[dict[str, Floats], dict[str, Floats | Ints]]:
    """Traits in causal order: age, then what depends on it."""
    age = np.clip(np.rint(48 + 16 * streams["age"].normal(size=n)), 18, 90)
    z_age = (age - 48) / 16
    z_digital = -0.6 * z_age + 0.8 * streams["digital"].normal(size=n)
    z_income = 0.2 * z_age - 0.15 * (z_age**2 - 1) + 0.9 * streams["income"].normal(size=n)
    z_wealth = 0.55 * z_income + 0.3 * z_age + 0.75 * streams["wealth"].normal(size=n)
    tenure = np.minimum(streams["tenure"].gamma(2.0, 4.0, n), age - 17)
    household = 1 + streams["household"].poisson(np.exp(0.3 - 0.25 * z_age))
    household = np.minimum(household, 7)
    z = {
        "age": z_age,
        "income": z_income,
        "wealth": z_wealth,
        "tenure": (tenure - 8) / 5.5,
        "household_size": (household - 2.4) / 1.2,
        "digital_affinity": z_digital,
    }
    traits: dict[str, Floats | Ints] = {
        "age": age.astype(np.int64),
        "income": np.round(np.exp(10.3 + 0.45 * z_income), 0).astype(np.float64),
        "wealth": np.round(np.exp(10.8 + 0.9 * z_wealth), 0).astype(np.float64),
        "tenure": np.round(tenure, 2),
        "household_size": household.astype(np.int64),
        "digital_affinity": np.round(1 / (1 + np.exp(-1.2 * z_digital)), 4),
    }
    return z, traits


def _draw_products(n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Products in categories; those of one category please the same customers."""
    placing, pricing, liking = rng.spawn(3)
    category = placing.permutation(np.arange(n) % len(CATEGORIES))
    centres = liking.normal(size=(len(CATEGORIES), _TASTES))
    factors = centres[category] + 0.7 * liking.normal(size=(n, _TASTES))
    z_price = pricing.normal(size=n)
    price = np.round(np.exp(3.4 + 0.7 * z_price), 2)
    return {
        "category": category,
        "brand": placing.integers(0, _BRANDS, n),
        "price": price,
        "z_price": z_price,
        "margin": np.round(price * pricing.uniform(0.2, 0.4, n), 2),
        "stock": pricing.integers(50, 2_000, n),
        "taste_for": factors / np.linalg.norm(factors, axis=1, keepdims=True),
        "appeal": liking.normal(size=n),
    }


def _identifiers(letter: str, n: int) -> npt.NDArray[np.str_]:
    width = max(3, len(str(n)))
    return np.array([f"{letter}{number:0{width}d}" for number in range(1, n + 1)])
