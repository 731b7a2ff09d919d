"""LightGCN three times on the same pairs: ours, torch_geometric's and RecBole's, by CPU seconds.

Hides the peers' interfaces. All have 64 numbers, three layers and one thread; the peers train as their documentation
does (pairwise loss, batches of 2,048). After each epoch the clock is stopped and NDCG on the test part is taken, so a
line tells how good a model was after how many seconds of training. What a library compiles or loads at first use is
paid by a short run before.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse

from benchmarks.tasting.judging import judge
from benchmarks.tasting.tastes import Tastes
from graphrec.learning.appetites.lightgcn import LightGCNConfig, fit_lightgcn
from graphrec.learning.appetites.scorers import Vectors

__all__ = ["compare_graphs"]

_LIMIT = 150.0
"""CPU seconds of training after which a peer is stopped."""
_MARKS = (0.212, 0.28)
"""NDCG@10 on ml-100k whose time is told: the best that RecBole's LightGCN reached when trained to its end, and ours."""


def compare_graphs(tastes: Tastes, epochs: int) -> None:
    """Print, for each implementation, seconds an epoch, and NDCG with the seconds it took."""
    torch.set_num_threads(1)
    for name, run in (("ours", _ours), ("RecBole", _recbole), ("torch_geometric", _geometric)):
        try:
            next(iter(run(tastes, 1)))
            _report(name, run(tastes, epochs), tastes)
        except ImportError as error:
            print(f"LightGCN of {name} left out: {error}; install it for this row", flush=True)


def _report(name: str, course: Iterator[tuple[float, Vectors]], tastes: Tastes) -> None:
    spent, best, at, epoch = 0.0, 0.0, 0.0, 0
    reached: dict[float, float] = {}
    for epoch, (seconds, scorer) in enumerate(course, start=1):
        spent += seconds
        gain = judge(scorer, tastes.test, tastes.seen, tastes.depth).ndcg
        if gain > best:
            best, at = gain, spent
        for mark in _MARKS if tastes.name == "ml-100k" else ():
            if gain >= mark:
                reached.setdefault(mark, spent)
        if epoch % 5 == 0:
            print(f"  LightGCN {name:16s} epoch {epoch:3d} {spent:7.1f} s NDCG {gain:.4f}", flush=True)
        if spent > _LIMIT:
            break
    told = "".join(f", {mark:g} after {seconds:.1f} s" for mark, seconds in reached.items())
    print(
        f"LightGCN {name:16s} {spent / epoch:6.2f} s an epoch, best NDCG {best:.4f} after {at:.1f} s{told}", flush=True
    )


def _ours(tastes: Tastes, epochs: int) -> Iterator[tuple[float, Vectors]]:
    """Train once and keep what was there after each epoch; the callback's own time does not count."""
    course: list[tuple[float, Vectors]] = []
    clock = [time.process_time()]

    def after(epoch: int, scorer: Callable[[], Vectors]) -> bool:
        seconds = time.process_time() - clock[0]
        course.append((seconds, scorer()))
        clock[0] = time.process_time()
        return epoch + 1 >= epochs

    fit_lightgcn(tastes.train, LightGCNConfig(epochs=epochs), rng=0, after_epoch=after)
    return iter(course)


def _geometric(tastes: Tastes, epochs: int) -> Iterator[tuple[float, Vectors]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch_geometric.nn.models import LightGCN

    n, m = tastes.train.shape
    torch.manual_seed(0)  # the library draws from the global state
    model = LightGCN(n + m, 64, 3)
    pairs = sparse.coo_array(tastes.train)
    edges = torch.from_numpy(np.stack([pairs.row, n + pairs.col]).astype(np.int64))
    both = torch.cat([edges, edges.flip(0)], dim=1)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(epochs):
        start = time.process_time()
        for batch in torch.randperm(edges.shape[1]).split(2048):
            positive = edges[:, batch]
            negative = torch.stack([positive[0], torch.randint(n, n + m, (len(batch),))])
            optimiser.zero_grad()
            ranks = model(both, torch.cat([positive, negative], dim=1))
            loss = model.recommendation_loss(*ranks.chunk(2), node_id=torch.cat([positive, negative], dim=1).unique())
            loss.backward()
            optimiser.step()
        seconds = time.process_time() - start
        with torch.no_grad():
            vectors = model.get_embedding(both).numpy()
        yield seconds, _scorer(tastes, vectors[:n], vectors[n:])


def _recbole(tastes: Tastes, epochs: int) -> Iterator[tuple[float, Vectors]]:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _bring_back_names()
        from recbole.config import Config
        from recbole.data import create_dataset, data_preparation
        from recbole.model.general_recommender import LightGCN

        _atomic(tastes, Path(folder) / "set")
        settings: dict[str, Any] = {
            "data_path": folder,
            "benchmark_filename": ["train", "validation", "test"],
            "load_col": {"inter": ["user_id", "item_id"]},
            "n_layers": 3,
            "embedding_size": 64,
            "use_gpu": False,
            "show_progress": False,
        }
        config = Config(model="LightGCN", dataset="set", config_dict=settings)
        dataset = create_dataset(config)
        train = data_preparation(config, dataset)[0]
        model = LightGCN(config, train.dataset)
        places = [_places(dataset, field, size) for field, size in zip(("user_id", "item_id"), tastes.train.shape)]
        optimiser = torch.optim.Adam(model.parameters(), lr=config["learning_rate"])
        for _ in range(epochs):
            start = time.process_time()
            for batch in train:
                optimiser.zero_grad()
                model.calculate_loss(batch).backward()
                optimiser.step()
            seconds = time.process_time() - start
            with torch.no_grad():
                vectors = [part.numpy() for part in model.forward()]
            yield seconds, _scorer(tastes, vectors[0][places[0]], vectors[1][places[1]])


def _bring_back_names() -> None:
    """Give numpy and scipy the few names that the library still asks for and newer versions took away."""
    for old, new in (("float_", "float64"), ("complex_", "complex128"), ("unicode_", "str_")):
        if not hasattr(np, old):
            setattr(np, old, getattr(np, new))
    if not hasattr(sparse.dok_matrix, "_update"):
        sparse.dok_matrix._update = lambda matrix, entries: matrix._dict.update(entries)


def _atomic(tastes: Tastes, folder: Path) -> None:
    """Write the parts in the form RecBole reads."""
    folder.mkdir()
    for name in ("train", "validation", "test"):
        part = sparse.coo_array(getattr(tastes, name))
        lines = [f"{customer}\t{product}" for customer, product in zip(part.row.tolist(), part.col.tolist())]
        (folder / f"set.{name}.inter").write_text("\n".join(["user_id:token\titem_id:token", *lines]) + "\n")


def _places(dataset: Any, field: str, size: int) -> np.ndarray:
    """Row of each code in the peer's numbering; its empty row 0 for a code without pairs."""
    tokens = dataset.field2token_id[field]
    return np.array([tokens.get(str(code), 0) for code in range(size)])


def _scorer(tastes: Tastes, customers: np.ndarray, products: np.ndarray) -> Vectors:
    popularity = np.asarray(tastes.train.sum(axis=0), dtype=np.float32).ravel()
    return Vectors(popularity, tastes.train.shape[0], customers.astype(np.float32), products.astype(np.float32))
