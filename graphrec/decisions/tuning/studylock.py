"""One process for each study: a second one is refused at once, and a killed one leaves nothing to clean up.

Hides the lock. The kernel keeps it (flock; its like on Windows) and drops it with the process that held it, however
that ended; the empty file beside the study stays and means nothing. Two processes on one study would each end the
other's running trial and draw the same candidates. Alternatives considered: a file with a process number, which
outlives kill -9 and a restart; and the lock of SQLite, which would be held through trials that take minutes and make
every reader of the study wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from graphrec.market.tables import DataError

__all__ = ["check_idle", "sole_user"]

_NAME = "study.lock"


@contextmanager
def sole_user(folder: Path | None) -> Iterator[None]:
    """Keep a study to this process until the block ends; nothing to keep without a folder.

    Parameters
    ----------
    folder : path, optional
        Folder of the study; it must exist.

    Raises
    ------
    DataError
        Another process works on it, or its file system knows no locks.
    """
    if folder is None:
        yield
        return
    lock = FileLock(folder / _NAME)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise DataError(
            f"another process is tuning in {folder}; wait until it ends, stop it (what it tried is kept), or choose "
            "another --out"
        ) from error
    except (OSError, NotImplementedError) as error:
        raise DataError(
            f"cannot lock {folder / _NAME}: {getattr(error, 'strerror', None) or error}; choose another --out"
        ) from error
    try:
        yield
    finally:
        lock.release()


def check_idle(folder: Path) -> None:
    """Refuse a folder in which a study is running, before the data are read and without making anything.

    Raises
    ------
    DataError
        Another process works on it.
    """
    if (folder / _NAME).exists():
        with sole_user(folder):
            pass
