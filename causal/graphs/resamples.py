"""The graphs of the bootstraps, kept small enough to travel with the graph they belong to.

Hides the packing: two bits per ordered pair (a step from a to b, a latent common cause), so a hundred graphs of fifty
columns take 63 kB in memory and a few kB compressed. Keeping only the counts was considered; counts of edges cannot
say in how many graphs a *set* of columns is valid. Keeping a hundred graph objects costs a thousand times the memory.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Booleans = NDArray[np.bool_]

__all__ = ["Resamples", "pack_resamples"]


class Marked(Protocol):
    """What is packed: three matrices of shape (d, d), the last two symmetric."""

    directed: Booleans
    undirected: Booleans
    bidirected: Booleans


@dataclass(frozen=True)
class Resamples:
    """The graphs of all bootstraps over the same nodes.

    Parameters
    ----------
    width : int
        Number of nodes.
    runs : int
        Number of graphs.
    bits : bytes
        For each graph the matrix of steps (``a -> b``, or ``a -- b`` in both directions) and that of latent common
        causes, as packed bits.
    """

    width: int
    runs: int
    bits: bytes

    def __post_init__(self) -> None:
        expected = self.runs * self._bytes_each
        if self.width < 0 or self.runs < 0 or len(self.bits) != expected:
            raise ValueError(f"{self.runs} graphs of {self.width} nodes need {expected} bytes, found {len(self.bits)}")

    def __len__(self) -> int:
        return self.runs

    def matrices(self) -> Iterator[tuple[Booleans, Booleans]]:
        """Yield steps and latent common causes of each graph, both of shape (d, d)."""
        import numpy as np

        shape = (2, self.width, self.width)
        packed = np.frombuffer(self.bits, dtype=np.uint8).reshape(self.runs, self._bytes_each)
        for row in packed:
            steps, latent = np.unpackbits(row, count=2 * self.width**2).reshape(shape).astype(bool)
            yield steps, latent

    def to_text(self) -> str:
        """Return the bits compressed, as text for a JSON file."""
        return base64.b64encode(zlib.compress(self.bits, 9)).decode("ascii")

    @classmethod
    def from_text(cls, width: int, runs: int, text: str) -> Resamples:
        """Read what :meth:`to_text` wrote.

        Raises
        ------
        ValueError
            When the text is damaged or of another size.
        """
        limit = runs * _bytes_for(width)
        try:
            reader = zlib.decompressobj()
            return cls(width, runs, reader.decompress(base64.b64decode(text, validate=True), limit + 1))
        except (binascii.Error, zlib.error) as error:
            raise ValueError(f"the bootstrap graphs are damaged: {error}") from error

    @property
    def _bytes_each(self) -> int:
        return _bytes_for(self.width)


def pack_resamples(patterns: Iterable[Marked]) -> Resamples:
    """Pack the graphs of all bootstraps; they must be over the same nodes."""
    import numpy as np

    width, rows = 0, []
    for pattern in patterns:
        width = len(pattern.directed)
        rows.append(np.packbits(np.stack([pattern.directed | pattern.undirected, pattern.bidirected])).tobytes())
    return Resamples(width, len(rows), b"".join(rows))


def _bytes_for(width: int) -> int:
    return (2 * width * width + 7) // 8
