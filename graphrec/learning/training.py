"""Training of the encoder: batches, early stopping, checkpoints, interruption.

Hides how the model is fitted, which it does not know itself: a batch of purchases at a time
(`graphrec.learning.encoders.objectives` says what is made smaller), its own edges hidden from the step, until
purchases of the last part of the past are no longer predicted better. What was learned is then propagated over the
whole past.

All state lives in one value (`graphrec.learning.encoders.states`), so a run stopped at any moment and resumed from its
checkpoint gives the same bytes as a run that was never stopped. Randomness comes from one torch generator; global seeds
are never touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphrec.learning.appetites.smoothing import popularity_shares
from graphrec.learning.design import Design
from graphrec.learning.encoder import Encoder, EncoderConfig, LightConvolution
from graphrec.learning.encoders.inductive import embed_market, embed_past
from graphrec.learning.encoders.learned import Learned, hash_names
from graphrec.learning.encoders.objectives import Teacher, batch_loss, fit_teacher
from graphrec.learning.encoders.relations import EncoderGraph, build_graph
from graphrec.learning.encoders.states import TrainingState, fresh_state, read_state
from graphrec.learning.hetero import as_microseconds, node_features, node_names
from graphrec.learning.interactions import Interactions, read_interactions, split_time
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["Interrupted", "encode_market", "train_encoder"]

_JUDGED = 2000
"""Later purchases, evenly spaced, on which early stopping is judged."""


class Interrupted(KeyboardInterrupt):
    """Training was stopped; the message says where it goes on from."""


@dataclass(frozen=True, eq=False)
class _Task:
    """What is trained on: the graph before the cut, its purchases, and the later ones."""

    graph: EncoderGraph
    model: LightConvolution
    config: EncoderConfig
    designs: Mapping[str, Design]
    teacher: Teacher | None
    targets: np.ndarray
    log_popularity: torch.Tensor
    judged_customers: torch.Tensor
    judged_products: torch.Tensor


def train_encoder(
    market: Market,
    offers: Offers,
    as_of: object,
    config: EncoderConfig | None = None,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
) -> Encoder:
    """Train the encoder on the events strictly before a moment.

    Parameters
    ----------
    market : Market
        The history.
    offers : Offers
        Their kind decides what a contact is about.
    as_of : datetime-like, or int in microseconds
        Only events strictly before it are used.
    config : EncoderConfig, optional
        Size and training.
    rng : int, Generator or None
        Seed. The same seed, data and number of threads give the same bytes.
    progress : bool
        Show a bar on stderr.
    checkpoint : path, optional
        Folder that holds the state of training; an existing state of the same run is resumed.

    Returns
    -------
    Encoder

    Raises
    ------
    DataError
        Nothing was bought before ``as_of``, or the checkpoint belongs to another run.
    Interrupted
        The user pressed Ctrl-C; with a checkpoint, calling again goes on from the last whole epoch.

    Notes
    -----
    Memory: 8 bytes for each edge and direction, four copies of (nodes x embedding_size), and batch_size x
    min(n_products, negatives) scores for a step.
    """
    config = config or EncoderConfig()
    moment = as_microseconds(as_of)
    past = read_interactions(market).before(moment)
    if not (past.kinds == 0).any():
        raise DataError("nothing was bought before as_of, so there is nothing to learn from; take a later as_of")
    seed = int(np.random.default_rng(rng).integers(2**62))
    generator = torch.Generator().manual_seed(seed)
    task = _make_task(market, offers, past, moment, config, generator)
    run = _fingerprint(config, past, moment, seed)
    state = fresh_state(list(task.model.parameters()), generator.get_state())
    state = state if checkpoint is None else read_state(checkpoint, state, run)
    state = _train(task, state, generator, progress, checkpoint, run)
    return _finish(market, offers, past, moment, task, state)


def encode_market(
    market: Market,
    offers: Offers,
    as_of: int,
    encoder: Encoder | None = None,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
) -> Encoder:
    """Carry a trained encoder over to a market and moment, or train one where there is none that knows no later event.

    Parameters
    ----------
    encoder : Encoder, optional
        Trained before; see `graphrec.learning.encoders.inductive.embed_market`.
    market, offers, as_of, rng, progress, checkpoint
        See `train_encoder`.
    """
    if encoder is not None and encoder.as_of <= as_of:
        return embed_market(encoder, market, offers, as_of)
    config = None if encoder is None else encoder.config
    return train_encoder(market, offers, as_of, config, rng=rng, progress=progress, checkpoint=checkpoint)


def _make_task(
    market: Market,
    offers: Offers,
    past: Interactions,
    as_of: int,
    config: EncoderConfig,
    generator: torch.Generator,
) -> _Task:
    bought = past.of_kind("purchase")
    cut = split_time(bought.times, as_of, config.validation_days)
    if not len(bought.before(cut)):
        cut = as_of
    early, later = past.before(cut), bought.since(cut)
    graph = build_graph(market, offers, early, cut, config.relations, config.half_life_days)
    features = node_features(market, cut)
    model = LightConvolution(
        graph.n_nodes,
        len(graph.relations),
        torch.from_numpy(features["customer"][0]),
        torch.from_numpy(features["product"][0]),
        config,
        generator,
    )
    judged = np.linspace(0, max(len(later) - 1, 0), min(_JUDGED, len(later))).astype(np.int64)
    return _Task(
        graph=graph,
        model=model,
        config=config,
        designs={kind: design for kind, (_, design) in features.items()},
        teacher=fit_teacher(early.matrix()) if config.distillation else None,
        targets=graph.pairs["purchase"],
        log_popularity=_log_popularity(early),
        judged_customers=torch.from_numpy(later.customers[judged].astype(np.int64)),
        judged_products=torch.from_numpy(later.products[judged].astype(np.int64)),
    )


def _log_popularity(events: Interactions) -> torch.Tensor:
    return torch.from_numpy(np.log(popularity_shares(events.popularity())).astype(np.float32))


def _fingerprint(config: EncoderConfig, past: Interactions, as_of: int, seed: int) -> str:
    """Identity of a run: configuration, data, moment and seed."""
    digest = hashlib.sha256(repr((config, as_of, seed, past.n_customers, past.n_products)).encode())
    for array in (past.customers, past.products, past.times, past.kinds):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _train(
    task: _Task,
    state: TrainingState,
    generator: torch.Generator,
    progress: bool,
    checkpoint: str | Path | None,
    run: str,
) -> TrainingState:
    """Epochs until patience or their number is used up."""
    config = task.config
    with _bar(config.epochs, progress) as advance:
        while state.epoch < config.epochs and state.waited < config.patience:
            whole = state.copy()
            try:
                generator.set_state(state.randomness)
                _epoch(task, state, generator)
                state.randomness = generator.get_state()
                _judge(task, state)
            except KeyboardInterrupt:
                raise Interrupted(_stop(whole, config, checkpoint, run)) from None
            if checkpoint is not None:
                state.save(checkpoint, run)
            advance(state.epoch, state.history[-1])
    return state


def _stop(whole: TrainingState, config: EncoderConfig, checkpoint: str | Path | None, run: str) -> str:
    at = f"training stopped after {whole.epoch} of at most {config.epochs} epochs"
    if checkpoint is None:
        return f"{at}; nothing is kept, because no checkpoint folder was given"
    whole.save(checkpoint, run)
    return f"{at}; the state is in {checkpoint}: call again with the same checkpoint to go on"


def _epoch(task: _Task, state: TrainingState, generator: torch.Generator) -> None:
    """One pass over the purchases in random order."""
    order = torch.randperm(len(task.targets), generator=generator).numpy()
    for start in range(0, len(order), task.config.batch_size):
        keys = np.sort(task.targets[order[start : start + task.config.batch_size]])
        _load(task.model, state.parameters)
        loss = _loss(task, keys, generator)
        gradients = torch.autograd.grad(loss, list(task.model.parameters()), allow_unused=True)
        config = task.config
        state.step(gradients, config.learning_rate, config.weight_decay, config.embedding_size)
    state.epoch += 1


def _load(model: LightConvolution, parameters: list[torch.Tensor]) -> None:
    for own, value in zip(model.parameters(), parameters):
        own.data = value


def _loss(task: _Task, keys: np.ndarray, generator: torch.Generator) -> torch.Tensor:
    """Loss of a batch whose own edges are hidden; the penalty on sizes is in the step."""
    graph = task.graph
    kept = torch.rand(graph.n_nodes, 1, generator=generator) >= task.config.identity_dropout
    vectors = task.model(graph.matrices(hidden=keys), graph.present * kept)
    return batch_loss(
        task.config,
        vectors,
        vectors[graph.n_customers : graph.n_customers + graph.n_products],
        task.model.bias + task.log_popularity,
        torch.from_numpy(keys // graph.n_products),
        torch.from_numpy(keys % graph.n_products),
        generator,
        task.teacher,
    )


@torch.no_grad()
def _judge(task: _Task, state: TrainingState) -> None:
    """Mean log share of the later purchases; keep the best parameters."""
    _load(task.model, state.parameters)
    score = 0.0
    if len(task.judged_products):
        vectors = task.model(task.graph.matrices(), task.graph.present)
        n = task.graph.n_customers
        offset = task.model.bias + task.log_popularity
        by_product = vectors[n : n + task.graph.n_products]
        parts = []
        step = max(4_000_000 // task.graph.n_products, 1)
        for start in range(0, len(task.judged_products), step):
            rows = slice(start, start + step)
            logits = vectors[task.judged_customers[rows]] @ by_product.T + offset
            parts.append(-torch.nn.functional.cross_entropy(logits, task.judged_products[rows], reduction="sum"))
        score = float(torch.stack(parts).sum()) / len(task.judged_products)
    better = not state.history or not len(task.judged_products) or score > max(state.history) + 1e-5
    state.history.append(score)
    state.waited = 0 if better else state.waited + 1
    if better:
        state.best = [parameter.clone() for parameter in state.parameters]


@torch.no_grad()
def _finish(
    market: Market, offers: Offers, past: Interactions, as_of: int, task: _Task, state: TrainingState
) -> Encoder:
    """Propagate the best parameters over the whole past."""
    _load(task.model, state.best)
    logits = task.model.relation_logits.detach()
    weights = torch.softmax(logits, dim=1).numpy().T
    by_relation = {name: tuple(map(float, row)) for name, row in zip(task.graph.relations, weights)}
    learned = _learned(market, task)
    return embed_past(market, offers, past, as_of, learned, by_relation, task.config, tuple(state.history))


def _learned(market: Market, task: _Task) -> Learned:
    """Identities by name. A node first seen after the cut was not trained: attributes and neighbours speak for it."""
    graph, model, names = task.graph, task.model, node_names(market)
    there = graph.present.numpy().ravel() > 0
    keys, identities = {}, {}
    for kind, first in graph.first.items():
        codes = np.flatnonzero(there[first : first + len(names[kind])])
        hashes = hash_names(names[kind][codes])
        order = np.argsort(hashes)
        keys[kind] = hashes[order]
        identities[kind] = model.identity.detach().numpy()[first + codes[order]]
        if kind == "product":
            biases = model.bias.detach().numpy()[codes[order]]
    projections = {"customer": model.project_customer, "product": model.project_product}
    return Learned(
        keys, identities, biases, {kind: part.detach().numpy() for kind, part in projections.items()}, task.designs
    )


@contextmanager
def _bar(epochs: int, shown: bool) -> Iterator[Any]:
    """A bar on stderr; yields a function of (epoch, score)."""
    if not shown:
        yield lambda epoch, score: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        line = progress.add_task("encoder", total=epochs)
        yield lambda epoch, score: progress.update(
            line, completed=epoch, description=f"encoder: log share of later purchases {score:.3f}"
        )
