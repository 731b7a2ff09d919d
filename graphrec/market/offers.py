"""What a contact can be about: a product, a category of products, or a campaign's set of products.

Hides how coarse the unit of advice is. Everything above works with integer offer codes and asks this module which
offers an event or a solicitation belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pandas as pd

from graphrec.market.tables import DataError, IdIndex, Market

__all__ = ["OfferKind", "Offers", "make_offers"]

OfferKind = Literal["product", "category", "campaign"]


@dataclass(frozen=True, eq=False)
class Offers:
    """The offers of a market and the products in each.

    Attributes
    ----------
    kind : {"product", "category", "campaign"}
        Unit of advice.
    index : IdIndex
        Offer identifiers and codes.
    link_products, link_offers : numpy.ndarray, shape (l,), int32
        Product code and offer code of each (product, offer) link, sorted by product.
    price : numpy.ndarray, shape (n_offers,)
        Mean price of the offer's products, in money: the listed one or, where no product has one, the mean paid over
        the whole history (see `listed`); nan where unknown.
    category : numpy.ndarray, shape (n_offers,), int32
        Category code of the offer (the most frequent one of its products); -1 where unknown.
    listed : bool
        True where ``price`` comes from the products table; a price seen in events only is known after the event.
    """

    kind: OfferKind
    index: IdIndex
    link_products: np.ndarray
    link_offers: np.ndarray
    price: np.ndarray
    category: np.ndarray
    listed: bool = True

    @property
    def id_column(self) -> str:
        """Name of the identifier column in scores and plans."""
        return "product_id" if self.kind == "product" else "offer_id"

    def __len__(self) -> int:
        return len(self.index)

    def of_products(self, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expand product codes to offers.

        Parameters
        ----------
        products : numpy.ndarray, shape (m,), int
            Product code of each row; -1 belongs to no offer.

        Returns
        -------
        rows, offers : numpy.ndarray, shape (k,)
            Position of the row and the offer code, one pair for each offer a row belongs to.
        """
        start = np.searchsorted(self.link_products, products, side="left")
        counts = np.searchsorted(self.link_products, products, side="right") - start
        counts = np.where(products < 0, 0, counts)
        rows = np.repeat(np.arange(len(products)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self.link_offers[start[rows] + within]

    def of_solicitations(self, market: Market) -> np.ndarray:
        """Offer code of each solicitation; -1 where it names none."""
        if self.kind == "campaign":
            return self.index.encode(market.solicitations["campaign_id"])
        products = market.codes("solicitations", "product_id")
        if self.kind == "product":
            return products
        by_product = np.full(len(market.vocabulary.products) + 1, -1, dtype=np.int32)  # the last one is for -1
        by_product[self.link_products] = self.link_offers
        return np.asarray(by_product[products])


def make_offers(market: Market, kind: OfferKind | str = "auto") -> Offers:
    """Offers of a market at the wanted grain.

    Parameters
    ----------
    market : Market
        Products, campaigns and solicitations are read.
    kind : {"auto", "product", "category", "campaign"}
        ``"auto"`` takes products where solicitations name products, campaigns where they name campaigns.

    Raises
    ------
    DataError
        The solicitations do not name what the grain needs.
    """
    named = {name: bool(market.solicitations[name].notna().any()) for name in ("product_id", "campaign_id")}
    if kind == "auto":
        kind = "campaign" if named["campaign_id"] and not named["product_id"] else "product"
    if kind not in _MAKERS:
        raise DataError(f"offer is {kind!r}; choose 'auto', 'product', 'category' or 'campaign'")
    needed = "campaign_id" if kind == "campaign" else "product_id"
    if len(market.solicitations) and not named[needed]:
        other = "campaign" if needed == "product_id" else "product"
        way_out = f"try offer={other!r}" if named[f"{other}_id"] else "fill product_id or campaign_id in solicitations"
        raise DataError(f"no solicitation has a {needed}, so offer={kind!r} is impossible; {way_out}")
    return _MAKERS[cast(OfferKind, kind)](market)


def _product_offers(market: Market) -> Offers:
    n = len(market.vocabulary.products)
    codes = np.arange(n, dtype=np.int32)
    return _with_attributes(market, "product", market.vocabulary.products, codes, codes)


def _category_offers(market: Market) -> Offers:
    words = _category_words(market)
    categories = IdIndex(sorted(words.dropna().unique()))
    if not len(categories):
        raise DataError("products have no category, so offer='category' is impossible; try offer='product'")
    codes = categories.encode(words)
    known = codes >= 0
    products = np.arange(len(codes), dtype=np.int32)[known]
    return _with_attributes(market, "category", categories, products, codes[known])


def _campaign_offers(market: Market) -> Offers:
    links = market.campaigns
    if links.empty:
        raise DataError("offer='campaign' needs the campaigns table, which links each campaign to its products")
    pairs = pd.DataFrame(
        {
            "product": market.codes("campaigns", "product_id"),
            "offer": market.codes("campaigns", "campaign_id"),
        }
    )
    pairs = pairs[(pairs["product"] >= 0) & (pairs["offer"] >= 0)].drop_duplicates()
    pairs = pairs.sort_values(["product", "offer"])
    return _with_attributes(
        market,
        "campaign",
        market.vocabulary.campaigns,
        pairs["product"].to_numpy(),
        pairs["offer"].to_numpy(),
    )


def _category_words(market: Market) -> pd.Series:
    """Category of each product as text; missing stays missing."""
    category = market.products["category"]
    return category.astype("str").where(category.notna())


_MAKERS = {"product": _product_offers, "category": _category_offers, "campaign": _campaign_offers}


def _with_attributes(
    market: Market, kind: OfferKind, index: IdIndex, products: np.ndarray, offers: np.ndarray
) -> Offers:
    """Attach mean price and main category of each offer's products."""
    prices = market.products["price"].to_numpy(np.float64)
    listed = bool(np.isfinite(prices).any())
    if not listed:
        prices = _paid_prices(market)
    linked = prices[products]
    known = np.isfinite(linked)
    count = np.bincount(offers[known], minlength=len(index))
    total = np.bincount(offers[known], weights=linked[known], minlength=len(index))
    price = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    category = _main_category(market, products, offers, len(index))
    return Offers(kind, index, products.astype(np.int32), offers.astype(np.int32), price, category, listed)


def _main_category(market: Market, products: np.ndarray, offers: np.ndarray, n: int) -> np.ndarray:
    """Most frequent category of each offer's products; of several, the first in the alphabet."""
    codes = np.asarray(pd.factorize(_category_words(market), sort=True)[0])[products]
    known = codes >= 0
    votes = pd.DataFrame({"offer": offers[known], "category": codes[known]}).value_counts(sort=False)
    ranked = votes.reset_index(name="votes").sort_values(["offer", "votes", "category"], ascending=[True, False, True])
    main = ranked.drop_duplicates("offer")
    by_offer = np.full(n, -1, dtype=np.int32)
    by_offer[main["offer"].to_numpy(np.int64)] = main["category"].to_numpy(np.int32)
    return by_offer


def _paid_prices(market: Market) -> np.ndarray:
    """Mean price seen in events, where the products table has none."""
    product = market.codes("events", "product_id")
    price = market.events["price"].to_numpy(np.float64)
    known = (product >= 0) & np.isfinite(price)
    n = len(market.vocabulary.products)
    count = np.bincount(product[known], minlength=n)
    total = np.bincount(product[known], weights=price[known], minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
