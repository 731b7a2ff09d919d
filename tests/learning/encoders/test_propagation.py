from __future__ import annotations

import numpy as np
import pytest
import torch

from graphrec.learning.encoders.propagation import make_relation, symmetric_product


def _edges(seed: int, n: int = 40, m: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(0, n, (m, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs[:, 0], pairs[:, 1]


def test_the_matrix_is_the_symmetrically_normalised_adjacency() -> None:
    left, right = _edges(0)
    dense = np.zeros((40, 40))
    dense[left, right] = dense[right, left] = 1.0
    degree = np.maximum(dense.sum(axis=1), 1.0)
    expected = dense / np.sqrt(degree[:, None] * degree)
    assert make_relation(left, right, 40).matrix().to_dense().numpy() == pytest.approx(expected, abs=1e-6)


def test_backward_of_the_sparse_product_is_the_gradient_of_the_dense_one() -> None:
    left, right = _edges(1)
    adjacency = make_relation(left, right, 40).matrix()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(40, 6, generator=generator, requires_grad=True)
    target = torch.randn(40, 6, generator=generator)
    dense = adjacency.to_dense()

    def loss(product) -> torch.Tensor:
        first = product(torch.tanh(inputs))
        return ((product(first * 2.0) - target) ** 2).sum()

    (ours,) = torch.autograd.grad(loss(lambda x: symmetric_product(adjacency, x)), inputs)
    (expected,) = torch.autograd.grad(loss(lambda x: dense @ x), inputs)
    assert ours.numpy() == pytest.approx(expected.numpy(), abs=1e-4)


def test_hidden_edges_vanish_in_both_directions_and_only_for_the_call() -> None:
    left, right = _edges(2)
    relation = make_relation(left, right, 40)
    hidden = np.array([0, 7, 11])
    without, full = relation.matrix(hidden).to_dense().numpy(), relation.matrix().to_dense().numpy()
    for i in range(len(left)):
        gone = i in hidden
        for a, b in ((left[i], right[i]), (right[i], left[i])):
            assert full[a, b] > 0
            assert without[a, b] == (0.0 if gone else full[a, b])
