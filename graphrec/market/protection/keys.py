"""The secret key that turns customers' identifiers into pseudonyms, and where it is kept.

Hides the rules: the key comes from the environment or from a file outside the data that nobody else may read; it is
made once, at random; each purpose (customers, sessions) has a key of its own derived from it; a check value, which
tells nothing about the key, lets a database notice a wrong one.

Without the key a pseudonym cannot be computed from an identifier. Whoever has key and data can: the result is
pseudonymous, not anonymous (GDPR, article 4 (5)), so the two are kept apart.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graphrec.market.tables import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["KEY_VARIABLE", "PseudonymKey", "make_key", "read_key"]

KEY_VARIABLE = "GRAPHREC_KEY"
_BYTES = 32


@dataclass(frozen=True)
class PseudonymKey:
    """A key of 256 bits. It is never printed, logged or written by graphrec.

    Parameters
    ----------
    secret : bytes of length 32

    Examples
    --------
    >>> key = PseudonymKey(bytes(32))
    >>> key
    PseudonymKey(check='7792f187e4b1ef39')
    >>> key.customer("541312140") == key.customer("541312140") != PseudonymKey(bytes([1] * 32)).customer("541312140")
    True
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _BYTES:
            raise DataError(f"the key has {len(self.secret)} bytes; {_BYTES} are needed: let graphrec make one")

    def __repr__(self) -> str:
        return f"PseudonymKey(check={self.check!r})"

    @property
    def check(self) -> str:
        """Value that tells keys apart and nothing about them."""
        return self.derive("check").hex()[:16]

    def customers(self, texts: pl.Series) -> np.ndarray:
        """Pseudonyms (int64) of customers' identifiers."""
        from graphrec.market.protection.keyedhash import hash_texts

        return hash_texts(texts, self.derive("customer"))

    def sessions(self, texts: pl.Series) -> np.ndarray:
        """Pseudonyms (int64) of sessions: a session's name in a web log would lead back to the person."""
        from graphrec.market.protection.keyedhash import hash_texts

        return hash_texts(texts, self.derive("session"))

    def customer(self, identifier: str) -> int:
        """Pseudonym of one customer."""
        import polars as pl

        return int(self.customers(pl.Series([str(identifier)], dtype=pl.String))[0])

    def derive(self, purpose: str) -> bytes:
        """Key of 16 bytes for one purpose; it does not lead back to the secret."""
        return hashlib.blake2b(key=self.secret, person=purpose.encode(), digest_size=16).digest()


def make_key(path: str | Path) -> PseudonymKey:
    """Make a key at random and write it to a new file that only its owner may read (mode 0600).

    Raises
    ------
    DataError
        The file exists already, or cannot be written.
    """
    target = Path(path)
    secret = secrets.token_bytes(_BYTES)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret.hex() + "\n")
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise DataError(
            f"{target} exists; a key is never overwritten, because its pseudonyms could not be met again"
        ) from error
    except OSError as error:
        raise DataError(f"cannot write the key to {target}: {error.strerror or error}") from error
    return PseudonymKey(secret)


def read_key(path: str | Path | None = None, *, data: str | Path | None = None) -> PseudonymKey:
    """Read the key from ``path`` or, without one, from the environment variable ``GRAPHREC_KEY``.

    Parameters
    ----------
    path : path, optional
        File with 64 hexadecimal digits.
    data : path, optional
        The database; a key in its folder is refused, because who copies the data would copy the key.

    Raises
    ------
    DataError
        No key, a file that others may read, a key beside the data, or not 64 hexadecimal digits.
    """
    if path is None:
        words, where = os.environ.get(KEY_VARIABLE, ""), f"the environment variable {KEY_VARIABLE}"
        if not words.strip():
            raise DataError(
                f"there is no key: set {KEY_VARIABLE} to 64 hexadecimal digits, or name a file with --key-file"
            )
    else:
        words, where = _read_file(Path(path), None if data is None else Path(data)), str(path)
    try:
        secret = bytes.fromhex(words.strip())
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise DataError(f"{where} does not hold a key of 64 hexadecimal digits")
    return PseudonymKey(secret)


def _read_file(path: Path, data: Path | None) -> str:
    if data is not None and path.resolve().parent == data.resolve().parent:
        raise DataError(f"the key {path} lies beside the data; keep it in another folder, with other rights")
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise DataError(f"others may read the key {path}; run: chmod 600 {path}")
        return path.read_text()
    except OSError as error:
        raise DataError(f"cannot read the key {path}: {error.strerror or error}") from error
