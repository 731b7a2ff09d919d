"""A file of events, cut into blocks of whole lines.

Hides gzip, encodings and damage: a block is clean UTF-8 text whose lines all have the same number of fields; lines
that do not are set aside with their number. The file is inflated on a thread of its own, two blocks ahead, so that
reading overlaps with parsing; memory depends on the size of a block and not of the file.

gzip is inflated by ISA-L, which takes half the time of zlib.

Alternative considered: handing the whole file to a CSV reader. It neither says on which line a row stood, nor where to
go on after an interruption, and one open quote or one bad byte can cost the rest of the file.
"""

from __future__ import annotations

import csv
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from graphrec.market.clickstream.eventformat import EventFormat
from graphrec.market.tables import DataError

__all__ = ["BLOCK_BYTES", "Block", "BrokenLine", "mend_block", "read_ahead", "read_blocks", "read_header"]

BLOCK_BYTES = 4 << 20
_CHUNK = 1 << 20
_HEADER_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_NEWLINE = 10

T = TypeVar("T")


@dataclass(frozen=True)
class BrokenLine:
    """A line that cannot be cut into columns: its number in the file (the header is 1) and what is wrong with it."""

    line: int
    reason: str


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.

    Attributes
    ----------
    text : bytes
        Lines, each ended by a newline, without the header.
    first : int
        Number of the first line in the file.
    lines : int
        Lines of the file that the block stands for, those too long to hold included.
    position : int
        Bytes of the file (as stored) read so far.
    broken : tuple of BrokenLine
        Lines that are not in ``text``.
    """

    text: bytes
    first: int
    lines: int
    position: int
    broken: tuple[BrokenLine, ...] = ()


def read_header(path: Path, layout: EventFormat) -> list[str]:
    """Column names of a CSV file.

    Raises
    ------
    DataError
        An empty file, or a first line that is not text.
    """
    start = b""
    for chunk, _ in _inflate(path):
        start += chunk
        if b"\n" in start or len(start) > _HEADER_BYTES:
            break
    if not start.strip():
        raise DataError(f"{path.name} is empty; there is not even a line with the names of the columns")
    line = start.removeprefix(_BOM).split(b"\n", 1)[0].rstrip(b"\r")[:_HEADER_BYTES]
    try:
        text = line.decode(layout.encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"the first line of {path.name} is not {layout.encoding} text; name its encoding") from error
    return next(csv.reader([text], delimiter=layout.delimiter), [])


def read_blocks(path: Path, layout: EventFormat, *, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield the lines below the header; the same file is always cut at the same places.

    Raises
    ------
    DataError
        A gzip file that ends too early or is damaged: told when its end is reached, so nothing of it may be used
        before.
    """
    rest, number, position, too_long = b"", 1, 0, False
    headed = False
    for chunk, position in _inflate(path):
        if too_long:
            end = chunk.find(b"\n")
            if end < 0:
                continue
            yield Block(b"", number, 1, position, (BrokenLine(number, f"is longer than {block_bytes:,} bytes"),))
            rest, number, too_long = chunk[end + 1 :], number + 1, False
        else:
            rest += chunk
        if not headed and b"\n" in rest:
            rest, number, headed = rest.split(b"\n", 1)[1], 2, True
        begin = 0
        while headed and len(rest) - begin >= block_bytes:
            end = rest.rfind(b"\n", begin, begin + block_bytes) + 1
            if not end:
                end = rest.find(b"\n", begin) + 1
                too_long = not end
                if too_long:
                    begin = len(rest)
                    break
                yield Block(b"", number, 1, position, (BrokenLine(number, f"is longer than {block_bytes:,} bytes"),))
                begin, number = end, number + 1
                continue
            block = _block(rest[begin:end], number, position)
            yield block
            begin, number = end, number + block.lines
        rest = rest[begin:]
    if too_long:
        yield Block(b"", number, 1, position, (BrokenLine(number, f"is longer than {block_bytes:,} bytes"),))
    elif headed and rest:
        yield _block(rest if rest.endswith(b"\n") else rest + b"\n", number, position)


def _block(text: bytes, first: int, position: int) -> Block:
    lines = int(np.count_nonzero(np.frombuffer(text, np.uint8) == _NEWLINE))
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    return Block(text, first, lines, position)


def mend_block(
    block: Block, layout: EventFormat, width: int, numbers: Sequence[int] | np.ndarray | None = None
) -> tuple[Block, list[int]]:
    """Judge line by line; return the block of the good lines, and their numbers in the file.

    ``numbers`` are those of all lines of the block, where they do not follow one another.

    A good line is text in the file's encoding, closes its quotes and has ``width`` fields. Lines without any character
    are passed over.
    """
    good, kept, broken = [], [], list(block.broken)
    lines = block.text.split(b"\n")[:-1]
    for number, line in zip(range(block.first, block.first + len(lines)) if numbers is None else numbers, lines):
        number = int(number)
        if not line:
            continue
        reason, text = _judge_line(line, layout, width)
        if reason:
            broken.append(BrokenLine(number, reason))
        else:
            good.append(text)
            kept.append(number)
    text = b"".join(line + b"\n" for line in good)
    return Block(text, block.first, block.lines, block.position, tuple(broken)), kept


def _judge_line(line: bytes, layout: EventFormat, width: int) -> tuple[str, bytes]:
    try:
        text = line.decode(layout.encoding)
    except UnicodeDecodeError:
        return f"is not {layout.encoding} text", line
    if text.count('"') % 2:
        return "opens a quote that it does not close", line
    fields = (
        len(next(csv.reader([text], delimiter=layout.delimiter))) if '"' in text else text.count(layout.delimiter) + 1
    )
    if fields != width:
        return f"has too {'few' if fields < width else 'many'} fields", line
    return "", text.encode()


def _inflate(path: Path) -> Iterator[tuple[bytes, int]]:
    """Decompressed bytes, and how many stored bytes they took; plain files come as they are."""
    try:
        with path.open("rb") as file:
            first = file.read(2)
            file.seek(0)
            if first == _GZIP:
                yield from _inflate_gzip(path, file)
            else:
                while chunk := file.read(_CHUNK):
                    yield chunk, file.tell()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def _inflate_gzip(path: Path, file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    from isal import isal_zlib

    stream, position = isal_zlib.decompressobj(31), 0
    while stored := file.read(_CHUNK):
        position += len(stored)
        while stored:
            try:
                inflated = stream.decompress(stored, 8 * _CHUNK)
            except isal_zlib.error as error:  # type: ignore[misc]  # its stub takes the class for an instance
                raise DataError(f"{path.name} is damaged near byte {position:,} ({error}); copy it again") from error
            if inflated:
                yield inflated, position
            stored = stream.unconsumed_tail
            if stream.eof:  # a gzip file may hold several members, one after the other
                stored = stream.unused_data.lstrip(b"\0")
                stream = isal_zlib.decompressobj(31)
                if not stored:
                    stored = file.read(_CHUNK).lstrip(b"\0")
                    position += len(stored)
                    if not stored:
                        return
    raise DataError(f"{path.name} ends in the middle of its compressed data, after {position:,} bytes; copy it again")


def read_ahead(items: Iterator[T], depth: int = 2) -> Iterator[T]:
    """Yield the items, produced on a thread of its own up to ``depth`` ahead; its error is raised here."""
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((item, error), timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(None)
        except BaseException as error:
            put(None, error)

    worker = threading.Thread(target=produce, name="reading ahead", daemon=True)
    worker.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        worker.join()
