"""How much a customer is inclined to an offer without being contacted, read from the graph of purchases.

Hides which model answers (a closed-form filter, the trained encoder, or both) behind one scale:

    score(customer, offer) = log( purchases of the offer expected in 28 days )
                           = log( purchases of the customer in 28 days ) + log( share of them that falls on the offer )

Every model gives shares of products; an offer that is a category or a campaign gets the sum over its products. Shares
are smoothed towards popularity and rates towards the mean customer (a gamma prior fitted by moments), so somebody
without a history gets popularity at the mean rate, and a product never bought a small positive share. The score is a
feature: it says nothing of what a contact changes, and it takes every purchase so far as made without one.

`appetite_as_of` answers for each row of a panel from a model fitted strictly before it, refitted by blocks of time. One
model fitted before the first decision would leak nothing either, but know nothing about later customers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from scipy import sparse

from graphrec.learning.appetites.filterparts import pack_filter, unpack_filter
from graphrec.learning.appetites.smoothing import (
    ShareShape,
    choose_shape,
    log_shares,
    popularity_shares,
    purchase_rates,
)
from graphrec.learning.archive import pack_sparse, read_archive, unpack_sparse, write_archive
from graphrec.learning.filters import GraphFilter, fit_filter
from graphrec.learning.interactions import Interactions, read_interactions
from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["Appetite", "AppetiteModel", "appetite_as_of", "fit_appetite"]

AppetiteModel = Literal["filter", "encoder", "blend"]
_CHUNK_ENTRIES = 4_000_000
"""Scores computed at once: 32 MB for each dense matrix of a chunk."""
_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Appetite:
    """A fitted appetite model for the customers and offers of one market.

    Attributes
    ----------
    model : {"filter", "encoder", "blend"}
        What gives the shares; ``"blend"`` is the mean of the two log scores.
    as_of : int
        Everything it knows happened strictly before this moment, microseconds since 1970.
    histories : scipy.sparse.csr_array, shape (n_customers, n_products), float32
        What each customer had bought (and viewed, where that helped).
    popularity : numpy.ndarray, shape (n_products,), float64
        Smoothed share of each product in all purchases; sums to one.
    sets : scipy.sparse.csr_array, shape (n_products, n_offers), float32
        One where a product belongs to an offer.
    strength : float
        Purchases by popularity added to each history.
    rates : numpy.ndarray, shape (n_customers + 1,), float64
        Purchases of each customer expected in 28 days; the last one is for somebody unknown.
    filter, encoder : GraphFilter and Encoder, or None
        Weights of the filter; vectors whose inner products are log shares but for a constant of the customer.
    """

    model: AppetiteModel
    as_of: int
    histories: sparse.csr_array
    popularity: np.ndarray
    sets: sparse.csr_array
    strength: float
    rates: np.ndarray
    filter: GraphFilter | None = None
    encoder: Any = None

    @property
    def n_offers(self) -> int:
        """Number of offers."""
        return int(self.sets.shape[1])

    def matrix(self, customers: np.ndarray) -> np.ndarray:
        """Scores of all offers for some customers.

        Parameters
        ----------
        customers : numpy.ndarray, shape (n,), int
            Codes; -1 is somebody unknown and gets popularity.

        Returns
        -------
        numpy.ndarray, shape (n, n_offers), float32
            Work space beyond the result is bounded (chunks of customers).
        """
        customers = np.asarray(customers, dtype=np.int64)
        found = np.empty((len(customers), self.n_offers), dtype=np.float32)
        step = max(_CHUNK_ENTRIES // max(self._width, 1), 1)
        for start in range(0, len(customers), step):
            found[start : start + step] = self._chunk(customers[start : start + step])
        return found

    def score(self, customers: np.ndarray, offers: np.ndarray) -> np.ndarray:
        """Score of each (customer, offer) pair.

        Parameters
        ----------
        customers, offers : numpy.ndarray, shape (n,), int
            Codes; -1 for an unknown customer.

        Returns
        -------
        numpy.ndarray, shape (n,), float64
            Log of the purchases expected in 28 days.
        """
        customers, offers = np.asarray(customers, dtype=np.int64), np.asarray(offers, dtype=np.int64)
        if len(offers) and (offers.min() < 0 or offers.max() >= self.n_offers):
            raise DataError(
                f"offer code {int(offers[(offers < 0) | (offers >= self.n_offers)][0])} does not exist; "
                f"codes run from 0 to {self.n_offers - 1}"
            )
        distinct, position = np.unique(customers, return_inverse=True)
        found = np.empty(len(customers))
        step, order = max(_CHUNK_ENTRIES // max(self._width, 1), 1), np.argsort(position, kind="stable")
        ends = np.searchsorted(position[order], np.arange(0, len(distinct) + step, step))
        for number, start in enumerate(range(0, len(distinct), step)):
            rows = order[ends[number] : ends[number + 1]]
            chunk = self._chunk(distinct[start : start + step])
            found[rows] = chunk[position[rows] - start, offers[rows]]
        return found

    @property
    def _width(self) -> int:
        """Columns of the widest dense matrix of a chunk."""
        sparse_filter = self.model == "filter" and self.filter is not None and sparse.issparse(self.filter.walk)
        return self.n_offers if sparse_filter else max(self.sets.shape)

    def _chunk(self, customers: np.ndarray) -> np.ndarray:
        if len(customers) and (customers.min() < -1 or customers.max() >= self.histories.shape[0]):
            bad = customers[(customers < -1) | (customers >= self.histories.shape[0])][0]
            raise DataError(
                f"customer code {int(bad)} does not exist; codes run from 0 to {self.histories.shape[0] - 1}"
            )
        unknown = customers < 0
        rows, parts = np.where(unknown, 0, customers), []
        if self.filter is not None:
            parts.append(self._filter_scores(self.filter, rows, unknown))
        if self.encoder is not None:
            logits = self.encoder.customer_vectors[rows] @ self.encoder.product_vectors.T
            parts.append(self._encoder_scores(logits, unknown))
        shares = np.mean(parts, axis=0) if len(parts) > 1 else parts[0]
        return np.asarray(shares + np.log(self.rates[customers])[:, None])  # -1 is the last: somebody unknown

    @cached_property
    def _offer_popularity(self) -> np.ndarray:
        return np.asarray(self.sets.T @ self.popularity)

    @cached_property
    def _one_each(self) -> bool:
        """Whether each offer is the product of the same code."""
        codes = np.arange(self.sets.shape[0] + 1)
        indices, indptr = self.sets.indices, self.sets.indptr
        return np.array_equal(indptr, codes) and np.array_equal(indices, codes[: self.n_offers])

    def _filter_scores(self, model: GraphFilter, rows: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        histories = self.histories[rows]
        shares = model.shares(histories, None if self._one_each else self.sets)
        known = histories.sum(axis=1) * ~unknown
        return log_shares(shares, known, self._offer_popularity, self.strength)

    def _encoder_scores(self, logits: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits, dtype=np.float64)
        shares /= shares.sum(axis=1, keepdims=True)
        offers = shares if self._one_each else (self.sets.T @ shares.T).T
        return log_shares(offers, np.where(unknown, 0.0, np.inf), self._offer_popularity, self.strength)

    def save(self, folder: str | Path) -> None:
        """Write ``appetite.json`` and ``appetite.safetensors`` into a folder, atomically."""
        arrays = {
            "popularity": self.popularity,
            "rates": self.rates,
            **pack_sparse("histories", self.histories),
            **pack_sparse("sets", self.sets),
        }
        shapes = {"histories": list(self.histories.shape), "sets": list(self.sets.shape)}
        meta: dict[str, Any] = {"model": self.model, "as_of": self.as_of, "strength": self.strength, "shapes": shapes}
        if self.filter is not None:
            meta["filter"], weights = pack_filter(self.filter)
            arrays |= weights
        if self.encoder is not None:
            self.encoder.save(folder)
        write_archive(folder, "appetite", meta, arrays)

    @classmethod
    def load(cls, folder: str | Path) -> Appetite:
        """Read what `save` wrote."""
        meta, arrays = read_archive(folder, "appetite")
        histories = unpack_sparse("histories", arrays, meta["shapes"]["histories"])
        made = unpack_filter(meta["filter"], arrays, histories.shape[1]) if "filter" in meta else None
        encoder = None
        if meta["model"] != "filter":
            from graphrec.learning.encoder import Encoder

            encoder = Encoder.load(folder)
        return cls(
            meta["model"],
            meta["as_of"],
            histories,
            popularity=arrays["popularity"],
            sets=unpack_sparse("sets", arrays, meta["shapes"]["sets"]),
            strength=meta["strength"],
            rates=arrays["rates"],
            filter=made,
            encoder=encoder,
        )


def fit_appetite(
    market: Market,
    offers: Offers,
    as_of: object,
    model: AppetiteModel | ShareShape | str = "filter",
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    encoder: Any = None,
) -> Appetite:
    """Fit appetite on the events strictly before a moment.

    Parameters
    ----------
    market : Market
        The history.
    offers : Offers
        What scores are wanted for: products, categories or campaigns.
    as_of : datetime-like, or int in microseconds
        Only events strictly before it are used.
    model : {"filter", "encoder", "blend"}, or ShareShape
        Closed-form filter (seconds, the default), the trained encoder (uses attributes, so it can tell new customers
        and products apart), or the mean of both scores; or a filter of this shape, which is chosen on the past else.
    rng : int, Generator or None
        Seed of the encoder; the filter has no randomness.
    progress : bool
        Show the encoder's epochs on stderr.
    checkpoint : path, optional
        Folder in which the encoder's training survives an interruption; the same call then goes on from there.
    encoder : Encoder, optional
        Trained before on this market or another state of it: carried over, not trained again unless it knows more.

    Returns
    -------
    Appetite

    Raises
    ------
    DataError
        Nothing was bought before ``as_of``, or the model is unknown.
    """
    moment = int(_moments([as_of])[0])
    past = read_interactions(market).before(moment)
    if not (past.kinds == 0).any():
        raise DataError(
            "nothing was bought before as_of, so there is no appetite to learn; take a later as_of or check event_type"
        )
    generator = np.random.default_rng(rng)
    shape = model if isinstance(model, ShareShape) else choose_shape(past, moment)
    return _fit(market, offers, past, moment, _check_model(model), shape, generator, progress, checkpoint, encoder)


def appetite_as_of(
    market: Market,
    offers: Offers,
    customers: np.ndarray,
    offer_codes: np.ndarray,
    times: object,
    refit_days: int = 28,
    model: AppetiteModel | ShareShape | str = "filter",
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
) -> np.ndarray:
    """Appetite of each row (customer, offer, time) from a model fitted before the row's block of time.

    Blocks of ``refit_days`` are cut from the first decision; the model of a block uses only events strictly before
    the block begins, hence strictly before each of its rows. Changing or deleting events at or after a time leaves
    the scores of all rows up to that time the same to the byte.

    Parameters
    ----------
    market : Market
        The history.
    offers : Offers
        The grain of advice.
    customers, offer_codes : numpy.ndarray, shape (n,), int
        Codes.
    times : datetime-like, or int64 in microseconds, shape (n,)
        Decision times.
    refit_days : int
        Length of a block, days.
    model : {"filter", "encoder", "blend"}, or ShareShape
        See `fit_appetite`.
    rng, progress, checkpoint
        See `fit_appetite`.

    Returns
    -------
    numpy.ndarray, shape (n,), float64
        Scores. Rows before which nothing was bought at all get the same low score for each product.

    Notes
    -----
    Exponents are chosen again each time the number of past events has doubled, on those events only.
    """
    if refit_days < 1:
        raise DataError(f"refit_days is {refit_days}; use at least one day")
    chosen = _check_model(model)
    when = _moments(times)
    customers, offer_codes = map(np.asarray, (customers, offer_codes))
    if not len(customers) == len(offer_codes) == len(when):
        raise DataError(
            f"customers, offer_codes and times have {len(customers):,}, {len(offer_codes):,} and {len(when):,} rows; "
            "they must be as long as each other"
        )
    found = np.zeros(len(when))
    if not len(when):
        return found
    everything = read_interactions(market)
    blocks = (when - when.min()) // (refit_days * _DAY)
    order = np.argsort(blocks, kind="stable")
    numbers, starts = np.unique(blocks[order], return_index=True)
    generators = np.random.default_rng(rng).spawn(int(numbers[-1]) + 1) if chosen != "filter" else None
    shape: ShareShape | None = model if isinstance(model, ShareShape) else None
    for number, rows in zip(numbers.tolist(), np.split(order, starts[1:])):
        begin = int(when.min() + number * refit_days * _DAY)
        past = everything.before(begin)
        if shape is None or (shape is not model and len(past) >= max(2 * shape.events, 1)):
            shape = choose_shape(past, begin)
        able = chosen if (past.kinds == 0).any() else "filter"  # the encoder cannot start from nothing
        fitted = _fit(
            market, offers, past, begin, able, shape, generators[number] if generators else None, progress, checkpoint
        )
        found[rows] = fitted.score(customers[rows], offer_codes[rows])
    return found


def _fit(
    market: Market,
    offers: Offers,
    past: Interactions,
    as_of: int,
    model: AppetiteModel,
    shape: ShareShape,
    rng: np.random.Generator | None,
    progress: bool,
    checkpoint: str | Path | None,
    encoder: Any = None,
) -> Appetite:
    histories = past.matrix(shape.signals)
    appetite = Appetite(
        model,
        as_of,
        histories,
        popularity=popularity_shares(past.popularity()),
        sets=_sets(offers, past.n_products),
        strength=shape.strength,
        rates=purchase_rates(past, as_of),
        filter=fit_filter(histories, shape.config) if model != "encoder" else None,
    )
    if model == "filter":
        return appetite
    from graphrec.learning.training import encode_market

    # One folder for each moment: every block of time is a training run of its own.
    folder = None if checkpoint is None else Path(checkpoint) / str(as_of)
    return replace(appetite, encoder=encode_market(market, offers, as_of, encoder, rng, progress, folder))


def _sets(offers: Offers, n_products: int) -> sparse.csr_array:
    ones = np.ones(len(offers.link_products), dtype=np.float32)
    return sparse.csr_array((ones, (offers.link_products, offers.link_offers)), shape=(n_products, len(offers)))


def _check_model(model: str | ShareShape) -> AppetiteModel:
    name = "filter" if isinstance(model, ShareShape) else model
    if name in get_args(AppetiteModel):
        return cast(AppetiteModel, name)
    raise DataError(f"appetite model is {model!r}; choose one of {', '.join(map(repr, get_args(AppetiteModel)))}")


def _moments(times: object) -> np.ndarray:
    array = np.asarray(times)
    return array.astype(np.int64) if array.dtype.kind in "iu" else to_microseconds(times)
