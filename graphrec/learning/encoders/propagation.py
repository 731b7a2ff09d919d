"""Symmetric sparse products inside autograd, and the normalised relations they multiply with.

Hides the layout that makes message passing fast on a CPU: one CSR matrix with int32 indices for each relation, the
product done by MKL, and a backward pass that is the same product again because the matrix is symmetric. Autograd's own
backward of a CSR product transposes the matrix at each step; gather and scatter materialise a message for each edge.
Measured on a public rating set: 0.9 ms a product against 68 ms for gather and scatter.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = ["Relation", "make_relation", "symmetric_product"]


@dataclass(frozen=True, eq=False)
class Relation:
    """Normalised symmetric adjacency ``D^-1/2 A D^-1/2`` of one relation over all nodes.

    Attributes
    ----------
    indptr, indices : torch.Tensor, int32
        CSR structure.
    values : torch.Tensor, float32
        Entries; zero where an edge is masked.
    positions : numpy.ndarray, shape (edges, 2), int64
        Where both directions of each edge lie in `values`, in the order the edges were given.
    """

    indptr: torch.Tensor
    indices: torch.Tensor
    values: torch.Tensor
    positions: np.ndarray

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.indptr) - 1

    def matrix(self, without: np.ndarray | None = None) -> torch.Tensor:
        """Sparse tensor (n, n), optionally without some edges (positions in the order given)."""
        values = self.values
        if without is not None and len(without):
            values = values.clone()
            values[torch.from_numpy(self.positions[without].ravel())] = 0.0
        with warnings.catch_warnings():
            # torch calls CSR tensors a beta feature once in each process.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support", category=UserWarning)
            size = (self.n, self.n)
            return torch.sparse_csr_tensor(self.indptr, self.indices, values, size, check_invariants=False)


def make_relation(left: np.ndarray, right: np.ndarray, n: int, weights: np.ndarray | None = None) -> Relation:
    """Relation of distinct undirected edges between different nodes.

    Parameters
    ----------
    left, right : numpy.ndarray, shape (e,), int
        Nodes of each edge; no edge twice, no node linked to itself.
    n : int
        Number of nodes; at most 2^31.
    weights : numpy.ndarray, shape (e,), optional
        Weight of each edge, above zero; one by default. The degree of a node is the sum of its weights.
    """
    rows, columns = np.concatenate([left, right]).astype(np.int64), np.concatenate([right, left]).astype(np.int64)
    amounts = np.ones(len(rows)) if weights is None else np.concatenate([weights, weights]).astype(np.float64)
    degree = np.bincount(rows, weights=amounts, minlength=n)
    entries = (amounts / np.sqrt(degree[rows] * degree[columns])).astype(np.float32)
    order = np.lexsort((columns, rows))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    indptr = np.searchsorted(rows[order], np.arange(n + 1))
    # MKL takes int32 indices; builds of torch without MKL want int64.
    index_type = np.int32 if torch.backends.mkl.is_available() else np.int64  # type: ignore[no-untyped-call]
    return Relation(
        indptr=torch.from_numpy(indptr.astype(index_type)).clone(),
        indices=torch.from_numpy(columns[order].astype(index_type)).clone(),
        values=torch.from_numpy(entries[order]).clone(),
        positions=place.reshape(2, -1).T,
    )


class _SymmetricProduct(torch.autograd.Function):
    """A @ X for a constant symmetric A: the gradient with respect to X is A @ gradient."""

    @staticmethod
    def forward(ctx: Any, adjacency: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        ctx.adjacency = adjacency
        return adjacency @ dense

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, ctx.adjacency @ gradients[0].contiguous()


def symmetric_product(adjacency: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    """Product of a constant symmetric sparse matrix (n, n) with a dense one (n, d), differentiable in the dense one."""
    product: torch.Tensor = _SymmetricProduct.apply(adjacency, dense)  # type: ignore[no-untyped-call]
    return product
