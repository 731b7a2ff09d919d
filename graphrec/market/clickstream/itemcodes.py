"""One 64-bit code for a product with its category and brand, the same in every file.

Hides the hash: MurmurHash64A (Appleby 2008), whose result for one text is the seed for the next. Codes of products
need to be the same everywhere and need not be secret, so a keyed hash, four times as slow, would buy nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from causal.search.jit import compiled
from graphrec.market.protection.keyedhash import last_word, letters_of, word_at

if TYPE_CHECKING:
    import polars as pl

__all__ = ["hash_items", "mix"]


def hash_items(texts: pl.DataFrame) -> np.ndarray:
    """Codes (int64) of rows of texts; a missing text counts as the empty one.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"product_id": ["7", "7", "8"], "brand": ["lg", None, "lg"]})
    >>> len(set(hash_items(rows).tolist()))
    3
    """
    codes = np.zeros(len(texts), np.uint64)
    for column in texts:
        _mix_texts(*letters_of(column), codes)
    return codes.view(np.int64)


@compiled
def mix(letters: Any, start: Any, length: Any, seed: Any) -> Any:
    """Hash ``letters[start : start + length]`` (uint64), behind which eight more bytes can be read."""
    factor = np.uint64(0xC6A4A7935BD1E995)
    code = seed ^ (np.uint64(length) * factor)
    words = length // 8
    for w in range(words):
        k = word_at(letters, np.uint64(start + 8 * w)) * factor
        code = (code ^ ((k ^ (k >> np.uint64(47))) * factor)) * factor
    if length > 8 * words:
        code = (code ^ last_word(letters, start + 8 * words, length - 8 * words)) * factor
    code = (code ^ (code >> np.uint64(47))) * factor
    return code ^ (code >> np.uint64(47))


@compiled
def _mix_texts(letters: Any, bounds: Any, codes: Any) -> None:
    for i in range(len(codes)):
        codes[i] = mix(letters, bounds[i], bounds[i + 1] - bounds[i], codes[i])
