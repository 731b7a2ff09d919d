"""The made-up shop of a generated clickstream: categories, brands, products and their prices by week.

Hides how a price moves. Category words are those of the marketplace format, with about a third of the codes and a
seventh of the brands missing, as in the published files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Assortment", "make_assortment"]

_DEPARTMENTS = {
    "electronics": ("smartphone", "clocks", "tablet", "audio.headphone", "video.tv", "telephone"),
    "computers": ("notebook", "desktop", "peripherals.mouse", "components.videocards"),
    "appliances": ("kitchen.washer", "kitchen.refrigerators", "environment.vacuum", "iron"),
    "apparel": ("shoes", "shoes.keds", "jeans", "costume"),
    "furniture": ("living_room.sofa", "bedroom.bed", "kitchen.table"),
    "auto": ("accessories.player", "accessories.alarm"),
    "construction": ("tools.drill", "tools.light"),
    "kids": ("toys", "carriage"),
    "sport": ("bicycle", "ski"),
    "stationery": ("cartrige",),
}
_BRANDS = ("samsung", "apple", "xiaomi", "huawei", "lg", "bosch", "sony", "lucente", "acer", "lenovo", "hp", "aqua")
_FIRST_CATEGORY_ID = 2_053_013_552_000_000_000
_LOWEST_CENTS = 77
_PROMOTED = 0.06


@dataclass(frozen=True)
class Assortment:
    """Products sorted by category and, within it, by price.

    Attributes
    ----------
    product_id : (n,) int64
    category : (n,) int
        Row of the category.
    starts : (k + 1,) int
        First product of each category.
    category_id : (k,) int64
    category_code, brand : arrays of object
        By category and by product; ``None`` where missing.
    cents : (n,) int64
        Ordinary price.
    discount : (weeks, n) float32
        Factor of the price in each week.
    """

    product_id: np.ndarray
    category: np.ndarray
    starts: np.ndarray
    category_id: np.ndarray
    category_code: np.ndarray
    brand: np.ndarray
    cents: np.ndarray
    discount: np.ndarray

    def price(self, products: np.ndarray, week: int) -> np.ndarray:
        """Price in cents (int64) of products (rows) in a week."""
        factor = self.discount[min(week, len(self.discount) - 1), products]
        return np.asarray(np.maximum(_LOWEST_CENTS, np.rint(self.cents[products] * factor)), dtype=np.int64)


def make_assortment(products: int, weeks: int, rng: np.random.Generator) -> Assortment:
    """Draw an assortment of ``products`` products and their prices over ``weeks`` weeks."""
    codes = [f"{department}.{word}" for department, words in _DEPARTMENTS.items() for word in words]
    k = min(2 * len(codes), max(2, products // 5))
    names = np.array([codes[i] if i < len(codes) and i % 3 != 2 else None for i in range(k)], dtype=object)
    category = np.sort(rng.integers(0, k, products))
    level = rng.normal(8.6, 1.0, k)  # log of cents: about 54 in the middle
    cents = np.exp(level[category] + rng.normal(0, 0.7, products))
    order = np.lexsort((cents, category))
    cents = np.maximum(_LOWEST_CENTS, np.rint(cents[order])).astype(np.int64)
    brands = np.array([*_BRANDS, None, None], dtype=object)
    return Assortment(
        product_id=1_000_000 + rng.permutation(products * 40)[:products].astype(np.int64),
        category=category,
        starts=np.searchsorted(category, np.arange(k + 1)),
        category_id=_FIRST_CATEGORY_ID + np.sort(rng.choice(10**9, k, replace=False)).astype(np.int64),
        category_code=names,
        brand=brands[(category + rng.integers(0, 5, products)) % len(brands)],
        cents=cents,
        discount=_discounts(products, weeks, rng),
    )


def _discounts(products: int, weeks: int, rng: np.random.Generator) -> np.ndarray:
    """A slow drift of each price, and promotions of a tenth to a third off for one week."""
    drift = np.cumsum(rng.normal(0, 0.01, (weeks, products)).astype(np.float32), axis=0)
    promoted = rng.random((weeks, products), dtype=np.float32) < _PROMOTED
    off = rng.uniform(0.1, 0.33, (weeks, products)).astype(np.float32)
    return np.exp(drift) * np.where(promoted, 1 - off, 1).astype(np.float32)
