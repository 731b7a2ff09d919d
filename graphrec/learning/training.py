"""Training of the encoder: batches, early stopping, checkpoints, interruption.

Hides how the model is fitted, which it does not know itself: the loss is the log share of each purchase among all
products (sampled softmax with the correction for the draw, Wu et al. 2024), the edges of a batch are hidden from its
own step, and training stops when purchases of the last part of the past are no longer predicted better. The trained
vectors are then propagated over the whole past.

All state lives in one value, so a run stopped at any moment and resumed from its checkpoint gives the same bytes as a
run that was never stopped. Randomness comes from one torch generator; global seeds are never touched.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphrec.learning.archive import read_archive, write_archive
from graphrec.learning.encoder import Encoder, EncoderConfig, LightConvolution
from graphrec.learning.hetero import as_microseconds, node_features
from graphrec.learning.interactions import Interactions, read_interactions, split_time
from graphrec.learning.relations import EncoderGraph, build_graph
from graphrec.learning.smoothing import popularity_shares
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["Interrupted", "train_encoder"]

_JUDGED = 2000
"""Later purchases, evenly spaced, on which early stopping is judged."""


class Interrupted(KeyboardInterrupt):
    """Training was stopped; the message says where it goes on from."""


@dataclass
class _State:
    """Everything that training changes: copied at the start of an epoch, saved, restored."""

    epoch: int
    parameters: list[torch.Tensor]
    first_moments: list[torch.Tensor]
    second_moments: list[torch.Tensor]
    best: list[torch.Tensor]
    steps: int
    waited: int
    history: list[float]
    randomness: torch.Tensor

    def copy(self) -> _State:
        """An independent copy."""
        lists = {
            name: [tensor.clone() for tensor in getattr(self, name)]
            for name in ("parameters", "first_moments", "second_moments", "best")
        }
        return _State(
            epoch=self.epoch,
            steps=self.steps,
            waited=self.waited,
            history=list(self.history),
            randomness=self.randomness.clone(),
            **lists,
        )


@dataclass(frozen=True, eq=False)
class _Task:
    """What is trained on: the graph before the cut, its purchases, and the later ones."""

    graph: EncoderGraph
    model: LightConvolution
    config: EncoderConfig
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
    state = _resume(checkpoint, task, run, generator)
    state = _train(task, state, generator, progress, checkpoint, run)
    return _finish(market, offers, past, moment, task, state)


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
    graph = build_graph(market, offers, early, cut, config.relations)
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


def _start(task: _Task, generator: torch.Generator) -> _State:
    parameters = [parameter.detach().clone() for parameter in task.model.parameters()]
    return _State(
        epoch=0,
        parameters=parameters,
        first_moments=[torch.zeros_like(p) for p in parameters],
        second_moments=[torch.zeros_like(p) for p in parameters],
        best=[p.clone() for p in parameters],
        steps=0,
        waited=0,
        history=[],
        randomness=generator.get_state(),
    )


def _train(
    task: _Task,
    state: _State,
    generator: torch.Generator,
    progress: bool,
    checkpoint: str | Path | None,
    run: str,
) -> _State:
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
                _save(checkpoint, state, run)
            advance(state.epoch, state.history[-1])
    return state


def _stop(whole: _State, config: EncoderConfig, checkpoint: str | Path | None, run: str) -> str:
    at = f"training stopped after {whole.epoch} of at most {config.epochs} epochs"
    if checkpoint is None:
        return f"{at}; nothing is kept, because no checkpoint folder was given"
    _save(checkpoint, whole, run)
    return f"{at}; the state is in {checkpoint}: call again with the same checkpoint to go on"


def _epoch(task: _Task, state: _State, generator: torch.Generator) -> None:
    """One pass over the purchases in random order."""
    order = torch.randperm(len(task.targets), generator=generator).numpy()
    for start in range(0, len(order), task.config.batch_size):
        keys = np.sort(task.targets[order[start : start + task.config.batch_size]])
        _load(task.model, state.parameters)
        loss = _loss(task, keys, generator)
        gradients = torch.autograd.grad(loss, list(task.model.parameters()), allow_unused=True)
        _adam(state, gradients, task.config)
    state.epoch += 1


def _load(model: LightConvolution, parameters: list[torch.Tensor]) -> None:
    for own, value in zip(model.parameters(), parameters):
        own.data = value


def _loss(task: _Task, keys: np.ndarray, generator: torch.Generator) -> torch.Tensor:
    """Mean negative log share of the batch, plus nothing: the penalty is in the step."""
    graph, config = task.graph, task.config
    kept = torch.rand(graph.n_nodes, 1, generator=generator) >= config.identity_dropout
    vectors = task.model(graph.matrices(hidden=keys), graph.present * kept)
    customers = torch.from_numpy(keys // graph.n_products)
    products = torch.from_numpy(keys % graph.n_products)
    offset = task.model.bias + task.log_popularity
    by_product = vectors[graph.n_customers : graph.n_customers + graph.n_products]
    chosen = vectors[customers]
    if graph.n_products <= config.negatives:
        return torch.nn.functional.cross_entropy(chosen @ by_product.T + offset, products)
    drawn = torch.randint(graph.n_products, (config.negatives,), generator=generator)
    # Each drawn product stands for (n_products - 1) / negatives others.
    logits = chosen @ by_product[drawn].T + offset[drawn] + math.log((graph.n_products - 1) / config.negatives)
    logits = logits.masked_fill(drawn == products[:, None], -torch.inf)
    own = (chosen * by_product[products]).sum(dim=1, keepdim=True) + offset[products][:, None]
    together = torch.cat([own, logits], dim=1)
    return torch.nn.functional.cross_entropy(together, torch.zeros(len(keys), dtype=torch.int64))


def _adam(state: _State, gradients: tuple[torch.Tensor | None, ...], config: EncoderConfig) -> None:
    """One step of Adam with decoupled weight decay on matrices (Loshchilov & Hutter 2019)."""
    state.steps += 1
    correction = math.sqrt(1.0 - 0.999**state.steps) / (1.0 - 0.9**state.steps)
    parts = zip(state.parameters, state.first_moments, state.second_moments, gradients)
    for parameter, first, second, gradient in parts:
        if gradient is None:
            continue
        first.mul_(0.9).add_(gradient, alpha=0.1)
        second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        if parameter.shape[-1:] == (config.embedding_size,):
            parameter.mul_(1.0 - config.learning_rate * config.weight_decay)
        parameter.addcdiv_(first, second.sqrt().add_(1e-8), value=-config.learning_rate * correction)


@torch.no_grad()
def _judge(task: _Task, state: _State) -> None:
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
def _finish(market: Market, offers: Offers, past: Interactions, as_of: int, task: _Task, state: _State) -> Encoder:
    """Propagate the best parameters over the whole past."""
    config = task.config
    graph = build_graph(market, offers, past, as_of, config.relations)
    model = task.model
    features = node_features(market, as_of)
    model.features = (torch.from_numpy(features["customer"][0]), torch.from_numpy(features["product"][0]))
    _load(model, state.best)
    known = [name for name in graph.relations if name in task.graph.relations]
    matrices = [graph.relations[name].matrix() for name in known]
    # A node first seen after the cut was not trained: its attributes and neighbours speak for it.
    vectors = model(matrices, task.graph.present).numpy()
    customers = vectors[: graph.n_customers]
    products = vectors[graph.n_customers : graph.n_customers + graph.n_products]
    offset = (model.bias.detach() + _log_popularity(past)).numpy()[:, None]
    weights = torch.softmax(model.relation_logits.detach(), dim=1).numpy().T
    return Encoder(
        customer_vectors=np.hstack([customers, np.ones((len(customers), 1), dtype=np.float32)]),
        product_vectors=np.hstack([products, offset]),
        relation_weights={name: tuple(map(float, row)) for name, row in zip(task.graph.relations, weights)},
        config=config,
        as_of=as_of,
        history=tuple(state.history),
        start_vectors=model.start(task.graph.present).numpy(),
    )


_LISTS = ("parameters", "first_moments", "second_moments", "best")


def _save(folder: str | Path, state: _State, run: str) -> None:
    arrays = {f"{name}.{i}": t.numpy() for name in _LISTS for i, t in enumerate(getattr(state, name))}
    arrays["randomness"] = state.randomness.numpy()
    meta = {"run": run, "epoch": state.epoch, "steps": state.steps, "waited": state.waited, "history": state.history}
    write_archive(folder, "checkpoint", meta, arrays)


def _resume(folder: str | Path | None, task: _Task, run: str, generator: torch.Generator) -> _State:
    """State of the checkpoint if there is one, else a fresh one."""
    state = _start(task, generator)
    if folder is None or not (Path(folder) / "checkpoint.json").exists():
        return state
    meta, arrays = read_archive(folder, "checkpoint")
    if meta["run"] != run:
        raise DataError(
            f"the checkpoint in {folder} belongs to another run (other data, configuration, moment or seed; rng=None "
            "draws a new seed each time): give another folder, or delete this one to start again"
        )
    n = len(state.parameters)
    lists = {name: [torch.from_numpy(arrays[f"{name}.{i}"].copy()) for i in range(n)] for name in _LISTS}
    return _State(
        epoch=meta["epoch"],
        steps=meta["steps"],
        waited=meta["waited"],
        history=meta["history"],
        randomness=torch.from_numpy(arrays["randomness"].copy()),
        **lists,
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
