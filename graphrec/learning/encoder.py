"""The heterogeneous light convolution: vectors of customers and products from typed edges and attributes.

    e_0 = identity + attributes @ W          (identity is zero for a node without interactions)
    e_l = sum over relations r of a_lr D_r^-1/2 A_r D_r^-1/2 e_(l-1),   a_l = softmax of learned logits
    e   = mean of e_0 .. e_L
    log share of a product for a customer = e_customer . e_product + bias + log popularity - log of the sum

Hides the sizes, the learned parts and how a node nobody has touched gets a vector: through its attributes, its
category and its brand. Light convolution without transformations (He et al. 2020) with weights for each relation
(Schlichtkrull et al. 2018). Alternative considered: attention over typed edges (Hu et al. 2020, HGT), left out because
it needs a message for each edge, which a sparse product avoids.

Contacts, their channels and redeemed coupons are no relations by default: they say whom the company chose, not what the
customer likes, and would carry the confounding of the targeting into appetite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from graphrec.learning.archive import read_archive, write_archive
from graphrec.learning.encoders.learned import Learned
from graphrec.learning.encoders.propagation import symmetric_product
from graphrec.learning.encoders.relations import RELATIONS
from graphrec.market.tables import DataError

__all__ = ["Encoder", "EncoderConfig", "LightConvolution"]


@dataclass(frozen=True)
class EncoderConfig:
    """Size and training of the encoder.

    Attributes
    ----------
    embedding_size : int
        Length of a vector.
    layers : int
        Steps of message passing.
    relations : tuple of str
        Which of `graphrec.learning.encoders.relations.RELATIONS` pass messages: purchase, cart, view, category, brand;
        campaign (its products), redeem (customers and campaigns), contact (customers and what they were solicited
        about), channel (customers and how they were contacted). Those without edges are skipped.
    half_life_days : float, optional
        Age at which an edge weighs half as much as a new one, days; without it all weigh the same.
    loss : {"softmax", "bpr"}
        Log share of the product bought among those drawn, or its score above that of one product drawn (pairwise). The
        second orders products only: its scores are no log shares.
    distillation : float
        Share of the loss, 0 to below 1, that asks the encoder to share out the 50 best products of the closed-form
        filter as the filter does.
    learning_rate : float
        Step of Adam.
    weight_decay : float
        Penalty on the squared size of identities and projections, as a share of the learning rate a step.
    epochs : int
        At most this many passes over the purchases.
    patience : int
        Stop after this many epochs without a better log share of later purchases.
    batch_size : int
        Purchases (distinct pairs) in a step; their own edges are hidden from the step.
    negatives : int
        Products drawn for the softmax; with fewer products it is exact.
    identity_dropout : float
        Share of nodes that lose their identity in a step, so that attributes learn to speak for them.
    validation_days : int
        Length of the last part of the past used for early stopping, days.
    """

    embedding_size: int = 32
    layers: int = 2
    relations: tuple[str, ...] = ("purchase", "cart", "view", "category", "brand")
    half_life_days: float | None = None
    loss: Literal["softmax", "bpr"] = "softmax"
    distillation: float = 0.6
    learning_rate: float = 0.01
    weight_decay: float = 0.02
    epochs: int = 60
    patience: int = 5
    batch_size: int = 2048
    negatives: int = 1024
    identity_dropout: float = 0.1
    validation_days: int = 28

    def __post_init__(self) -> None:
        unknown = [name for name in self.relations if name not in RELATIONS]
        if unknown or "purchase" not in self.relations:
            raise DataError(
                f"relations are {self.relations}; 'purchase' must be among them, and others from {', '.join(RELATIONS)}"
            )
        for name in ("embedding_size", "layers", "epochs", "patience", "batch_size", "negatives", "validation_days"):
            if not isinstance(getattr(self, name), Integral) or getattr(self, name) < 1:
                raise DataError(f"{name} is {getattr(self, name)}; use a whole number, 1 or more")
        for name, allowed in (("learning_rate", self.learning_rate > 0), ("weight_decay", self.weight_decay >= 0)):
            if not allowed or not math.isfinite(getattr(self, name)):
                raise DataError(f"{name} is {getattr(self, name)}; give a finite number above 0 (weight_decay: from 0)")
        for name in ("identity_dropout", "distillation"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise DataError(f"{name} is {getattr(self, name)}; give a share from 0 to below 1")
        if self.loss not in ("softmax", "bpr"):
            raise DataError(f"loss is {self.loss!r}; use 'softmax' or 'bpr'")
        if self.half_life_days is not None and not self.half_life_days > 0:
            raise DataError(f"half_life_days is {self.half_life_days}; give days above 0, or None")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EncoderConfig:
        """Rebuild from `to_dict`.

        Raises
        ------
        DataError
            A setting that this version does not know: another version wrote it.
        """
        unknown = set(data) - {each.name for each in fields(cls)}
        if unknown:
            raise DataError(
                f"the settings {', '.join(sorted(unknown))} are unknown; another version saved them; train it again"
            )
        given: dict[str, Any] = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        return cls(**given | ({"relations": tuple(given["relations"])} if "relations" in given else {}))


class LightConvolution(nn.Module):
    """Learned parts of the encoder.

    Parameters
    ----------
    n_nodes : int
        Customers, products and categories.
    n_relations : int
        Relations with edges.
    customer_features, product_features : torch.Tensor, shape (n, f)
        Standardised attributes; f may be zero.
    config : EncoderConfig
        Sizes.
    generator : torch.Generator
        Source of the first values.
    """

    def __init__(
        self,
        n_nodes: int,
        n_relations: int,
        customer_features: torch.Tensor,
        product_features: torch.Tensor,
        config: EncoderConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        size = config.embedding_size

        def normal(rows: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.empty(rows, size).normal_(0.0, scale, generator=generator))

        self.features = (customer_features, product_features)
        self.identity = normal(n_nodes, 0.1)
        self.project_customer = normal(customer_features.shape[1], 0.02)
        self.project_product = normal(product_features.shape[1], 0.02)
        self.relation_logits = nn.Parameter(torch.zeros(config.layers, n_relations))
        self.bias = nn.Parameter(torch.zeros(len(product_features)))

    def start(self, present: torch.Tensor) -> torch.Tensor:
        """Vectors before any message, shape (n_nodes, d): identity where a node has one, plus projected attributes."""
        customers, products = self.features
        described = torch.cat([customers @ self.project_customer, products @ self.project_product])
        rest = self.identity.shape[0] - len(described)
        return self.identity * present + nn.functional.pad(described, (0, 0, 0, rest))

    def forward(self, adjacencies: list[torch.Tensor], present: torch.Tensor) -> torch.Tensor:
        """Vectors of all nodes, shape (n_nodes, d).

        Parameters
        ----------
        adjacencies : list of torch.Tensor
            One sparse symmetric matrix (n_nodes, n_nodes) for each relation.
        present : torch.Tensor, shape (n_nodes, 1)
            One where a node has an identity, zero where only its attributes speak.
        """
        layer = self.start(present)
        total = layer
        for logits in self.relation_logits:
            weights = torch.softmax(logits, dim=0)
            messages = [weight * symmetric_product(a, layer) for weight, a in zip(weights, adjacencies)]
            layer = torch.stack(messages).sum(dim=0) if len(messages) > 1 else messages[0]
            total = total + layer
        return total / (len(self.relation_logits) + 1)


@dataclass(frozen=True, eq=False)
class Encoder:
    """Trained vectors; ``customer_vectors @ product_vectors.T`` are log shares but for a constant of each customer.

    Attributes
    ----------
    customer_vectors, product_vectors : numpy.ndarray, shape (n, d + 1), float32
        The last column is one for customers, bias plus log popularity for products.
    relation_weights : mapping of str to tuple of float
        Weight of each relation in each layer.
    config : EncoderConfig
        What it was trained with.
    as_of : int
        Only events strictly before this moment (microseconds) were seen.
    history : tuple of float
        Mean log share of the later purchases after each epoch.
    learned : Learned
        What training found, by name, so that other customers, products and moments get vectors too
        (`graphrec.learning.encoders.inductive.embed_market`).
    start_vectors : numpy.ndarray or None, shape (n_nodes, d), float32
        Vectors of customers, products and categories before any message: what explains the others.
    new : mapping of str to numpy.ndarray
        Codes of the nodes of each type that were not there, or did nothing, when the encoder was trained: no identity
        was learned for them.
    """

    customer_vectors: np.ndarray
    product_vectors: np.ndarray
    relation_weights: Mapping[str, tuple[float, ...]]
    config: EncoderConfig
    as_of: int
    history: tuple[float, ...]
    learned: Learned
    start_vectors: np.ndarray | None = None
    new: Mapping[str, np.ndarray] = field(default_factory=dict)

    def log_shares(self, customers: np.ndarray) -> np.ndarray:
        """Log share of each product in a customer's next purchases, shape (n, n_products), float32.

        Raises
        ------
        DataError
            A code does not exist; who came later gets one by `graphrec.learning.embed_market`.
        """
        codes = np.asarray(customers, dtype=np.int64)
        wrong = codes[(codes < 0) | (codes >= len(self.customer_vectors))]
        if len(wrong):
            raise DataError(
                f"customer code {int(wrong[0])} does not exist; codes run from 0 to {len(self.customer_vectors) - 1}, "
                "and embed_market gives new customers a vector"
            )
        logits = self.customer_vectors[codes] @ self.product_vectors.T
        logits -= logits.max(axis=1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))

    def save(self, folder: str | Path) -> None:
        """Write ``encoder.json`` and its tensors into a folder, atomically."""
        meta = {
            "config": self.config.to_dict(),
            "as_of": self.as_of,
            "history": list(self.history),
            "relation_weights": {name: list(weights) for name, weights in self.relation_weights.items()},
            "designs": self.learned.plain(),
        }
        vectors = {"customer_vectors": self.customer_vectors, "product_vectors": self.product_vectors}
        vectors |= {} if self.start_vectors is None else {"start_vectors": self.start_vectors}
        vectors |= self.learned.arrays() | {f"new.{kind}": codes for kind, codes in self.new.items()}
        write_archive(folder, "encoder", meta, vectors)

    @classmethod
    def load(cls, folder: str | Path) -> Encoder:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            Nothing is saved there, it is damaged, another version wrote it, or its settings are not those of its
            tensors.
        """
        meta, arrays = read_archive(folder, "encoder")
        lacking = {"designs", "config", "as_of", "history", "relation_weights"} - set(meta)
        lacking |= {"customer_vectors", "product_vectors", "learned.biases"} - set(arrays)
        if lacking:
            raise DataError(
                f"the encoder in {folder} was written by an older version or edited (without "
                f"{', '.join(sorted(lacking))}); train and save it again"
            )
        _check_agreement(EncoderConfig.from_dict(meta["config"]), meta, arrays, folder)
        return cls(
            customer_vectors=arrays["customer_vectors"],
            product_vectors=arrays["product_vectors"],
            relation_weights={name: tuple(weights) for name, weights in meta["relation_weights"].items()},
            config=EncoderConfig.from_dict(meta["config"]),
            as_of=meta["as_of"],
            history=tuple(meta["history"]),
            learned=Learned.rebuild(meta["designs"], arrays),
            start_vectors=arrays.get("start_vectors"),
            new={name[4:]: codes for name, codes in arrays.items() if name.startswith("new.")},
        )


def _check_agreement(
    config: EncoderConfig, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: str | Path
) -> None:
    """Refuse settings that are not those which the tensors were trained with."""
    size, width = config.embedding_size + 1, arrays["customer_vectors"].shape[-1]
    weights = meta["relation_weights"]
    deep = sorted({len(each) for each in weights.values()} - {config.layers})
    others = sorted(set(weights) - set(config.relations))
    wrong = f"embedding_size {config.embedding_size} beside vectors of {width - 1}" if size != width else ""
    wrong = wrong or (f"layers {config.layers} beside weights of {deep[0]}" if deep else "")
    wrong = wrong or (f"relations without {', '.join(others)}, which has weights" if others else "")
    if wrong:
        raise DataError(f"the settings of the encoder in {folder} are not those of its tensors: {wrong}; save it again")
