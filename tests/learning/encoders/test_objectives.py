from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from graphrec.learning.encoder import EncoderConfig
from graphrec.learning.encoders.objectives import batch_loss, fit_teacher
from graphrec.learning.filters import fit_filter
from graphrec.learning.training import train_encoder
from graphrec.market.offers import make_offers
from graphrec.market.tables import Market

CUT = pd.Timestamp("2024-06-01", tz="UTC")


def _loss(config: EncoderConfig, *, seed: int = 0, products: int = 6, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    vectors, by_product = (scale * torch.randn(n, 4, generator=generator) for n in (5, products))
    offset = torch.randn(products, generator=generator)
    bought = torch.tensor([0, 2, 5])
    drawing = torch.Generator().manual_seed(seed)
    return batch_loss(config, vectors, by_product, offset, torch.tensor([0, 1, 4]), bought, drawing)


def test_a_softmax_over_drawn_products_is_right_on_average() -> None:
    exact = float(_loss(EncoderConfig(), products=600, scale=0.4))
    drawn = [float(_loss(EncoderConfig(negatives=200), seed=seed, products=600, scale=0.4)) for seed in range(200)]
    assert np.mean(drawn) == pytest.approx(exact, abs=0.02)  # the logarithm of a mean leaves a small bias


def test_the_pairwise_loss_is_the_published_one() -> None:
    generator = torch.Generator().manual_seed(1)
    vectors, by_product = (torch.randn(n, 4, generator=generator) for n in (5, 6))
    offset = torch.randn(6, generator=generator)
    drawn = torch.randint(6, (3,), generator=torch.Generator().manual_seed(0))
    scores = (vectors[[0, 1, 4]] @ by_product.T + offset).numpy()
    gaps = scores[np.arange(3), [0, 2, 5]] - scores[np.arange(3), drawn.numpy()]
    assert float(_loss(EncoderConfig(loss="bpr"))) == pytest.approx(float(np.log1p(np.exp(-gaps)).mean()), abs=1e-5)


def test_the_teacher_is_the_filters_head_and_learning_from_it_alone_copies_it() -> None:
    rng = np.random.default_rng(0)
    histories = sparse.csr_array((rng.random((40, 30)) < 0.2).astype(np.float32))
    teacher = fit_teacher(histories, 10)
    shares = fit_filter(histories).shares(histories)
    best = np.sort(shares, axis=1)[:, -10:]
    assert np.sort(teacher.shares.numpy(), axis=1) == pytest.approx(best / best.sum(axis=1, keepdims=True), abs=1e-5)
    config = EncoderConfig(distillation=0.999)
    vectors = torch.randn(40, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    products = torch.randn(30, 16, generator=torch.Generator().manual_seed(1), requires_grad=True)
    optimiser, everybody = torch.optim.Adam([vectors, products], lr=0.05), torch.arange(40)
    bought, offset = torch.randint(30, (40,), generator=torch.Generator().manual_seed(2)), torch.zeros(30)
    entropy = float(-(teacher.shares * torch.log(teacher.shares.clamp(min=1e-12))).sum(dim=1).mean())
    for _ in range(80):
        optimiser.zero_grad()
        loss = batch_loss(config, vectors, products, offset, everybody, bought, torch.Generator(), teacher)
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < entropy + 0.05  # the least that a cross entropy can be


def test_the_pairwise_encoder_orders_products_better_than_popularity(tasted) -> None:
    margins = []
    for seed in range(3):
        made = tasted(seed, customers=120)
        config = EncoderConfig(embedding_size=8, batch_size=512, epochs=15, loss="bpr")
        encoder = train_encoder(made.market, make_offers(made.market), CUT, config, rng=seed)
        ours = (made.shares * _ranks(encoder.log_shares(np.arange(120)))).sum(axis=1).mean()
        popular = (made.shares * _ranks(np.tile(made.shares.mean(axis=0), (120, 1)))).sum(axis=1).mean()
        margins.append(popular - ours)
    assert min(margins) > 1.0  # ranks out of 30


def _ranks(scores: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(-scores, axis=1), axis=1)


def test_fading_edges_follow_a_taste_that_has_turned(log_score) -> None:
    margins = []
    for seed in range(3):
        market, shares = _turned(seed)
        scores = []
        for half_life in (None, 15.0):
            config = EncoderConfig(embedding_size=8, batch_size=1024, epochs=15, half_life_days=half_life)
            encoder = train_encoder(market, make_offers(market), "2024-07-19", config, rng=0)
            scores.append(log_score(encoder.log_shares(np.arange(len(shares))), shares))
        margins.append(scores[1] - scores[0])
    assert min(margins) > 0.05


def _turned(seed: int) -> tuple[Market, np.ndarray]:
    """Everybody changes from one group of ten products to another halfway; shares are those of the second half."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 3, 150), rng.integers(0, 3, 150)
    who = np.repeat(np.arange(150), 16)
    day = rng.integers(0, 200, len(who))
    group = np.where(day < 120, first[who], second[who])
    events = pd.DataFrame(
        {
            "event_time": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(day, unit="D"),
            "event_type": "purchase",
            "customer_id": who,
            "product_id": 10 * group + rng.integers(0, 10, len(who)),
        }
    )
    market = Market.from_frames(
        customers=pd.DataFrame({"customer_id": np.arange(150)}),
        products=pd.DataFrame({"product_id": np.arange(30)}),
        solicitations=None,
        events=events,
    )
    shares = np.where(second[:, None] == np.arange(30) // 10, 0.1, 0.0)
    return market, shares


def test_one_customer_is_enough(tasted) -> None:
    frames = dict(tasted(0).frames)
    alone = {
        name: frame[frame["customer_id"] == "c0"] if "customer_id" in frame else frame for name, frame in frames.items()
    }
    market = Market.from_frames(**alone, roles={"age": "Age"})
    config = EncoderConfig(embedding_size=4, epochs=2, distillation=0.5)
    encoder = train_encoder(market, make_offers(market), CUT, config, rng=0)
    assert encoder.customer_vectors.shape == (1, 5)
    assert np.isfinite(encoder.log_shares(np.array([0]))).all()
