"""One pass over the bytes of a block: fields found, times and prices read, identifiers hashed.

Hides the fast way to read a row whose values are all of the common form: no quotes, a clock in UTC, a price with at
most two decimals. It says of every line whether it was one; all others go to `graphrec.market.clickstream.parsing`,
which judges them with polars and gives the reasons. Both give the same row for the same line (tested).

Why not polars for all of them: cutting a block into columns of text, converting them and hashing takes 1.1
microseconds a row, this pass a quarter of it, and it holds one block of text instead of a table of it. Eight bytes are
looked at together where that is possible: ends of fields by the test for a zero byte in a word (Warren 2013, section
6-1), and the clock of a row, as long as it shows the minute of the row before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causal.search.jit import compiled
from graphrec.market.clickstream.itemcodes import mix
from graphrec.market.protection.keyedhash import last_word, sip, word_at, words_of
from graphrec.market.tables import EVENT_TYPES, ON_PRODUCT

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ROLES", "Scan", "SeenItems", "scan_rows"]

ROLES = (
    "", "event_time", "event_type", "product_id", "category_id", "category", "brand", "price", "customer_id",
    "session_id", "quantity", "stock",
)  # fmt: skip
"""What a column of the file is; its number in this list."""
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_SECONDS, _SECONDS_MASK = np.uint64(0x004354552000003A), np.uint64(0x00FFFFFFFF0000FF)
"""Bytes 16 to 22 of a clock, ``:ss UTC``, and which of them are the same in all."""
_PAD = bytes(16)
_LONGEST = 200
_NONE = np.int64(-1)
_NEVER = np.int64(-(2**62))
_MICROS = 1_000_000
_DIGITS_BEFORE = 9


@dataclass(frozen=True)
class Scan:
    """Rows of the good lines, and what is needed to look at the others.

    Attributes
    ----------
    rows : polars.DataFrame
        event_time, event_type, item, customer, session, cents, quantity, stock.
    good : (lines,) bool
        Which lines they are.
    starts : (lines + 1,) int
        First byte of each line.
    fresh : (items,) int
        Good lines with an item that was not seen before.
    fresh_lines : bytes
        Their text.
    """

    rows: pl.DataFrame
    good: np.ndarray
    starts: np.ndarray
    fresh: np.ndarray
    fresh_lines: bytes


class SeenItems:
    """A growing set of 64-bit codes, in the form that compiled code reads and writes."""

    def __init__(self) -> None:
        self.table = np.zeros(1 << 16, np.uint64)
        self.count = 0

    def make_room(self, lines: int) -> None:
        """Keep the table at most half full, even if every line brings a new code."""
        if 2 * (self.count + lines) <= len(self.table):
            return
        old = self.table[self.table != 0]
        self.table = np.zeros(1 << int(np.ceil(np.log2(4 * (self.count + lines)))), np.uint64)
        _add_all(self.table, old)


def scan_rows(
    text: bytes,
    lines: int,
    roles: np.ndarray,
    delimiter: str,
    decimal: str,
    keys: tuple[bytes, bytes],
    bounds: tuple[int, int],
    naive_is_utc: bool,
    seen: SeenItems,
) -> Scan:
    """Scan whole lines of valid UTF-8 without quotes.

    Parameters
    ----------
    text : bytes
        Lines, each ended by a newline.
    lines : int
        Their number.
    roles : (width,) uint8
        For each column of the file its number in `ROLES`, 0 for a column that is not read.
    delimiter, decimal : str of length 1
    keys : (bytes, bytes)
        Keys of customers and sessions, of 16 bytes each.
    bounds : (int, int)
        First moment allowed and first moment no longer allowed, in microseconds since 1970.
    naive_is_utc : bool
        A clock without a zone is one in UTC.
    seen : SeenItems
        Items of earlier blocks; those of this one are added.
    """
    import polars as pl

    secret = np.array([word for key in keys for word in words_of(key)], dtype=np.uint64)
    seen.make_room(lines)
    letters = np.frombuffer(text + _PAD, np.uint8)
    numbers, small, kind, good, starts, fresh = _scan(
        letters, lines, roles, ord(delimiter), ord(decimal), secret, _kinds(),
        len(ON_PRODUCT), bounds[0], bounds[1], naive_is_utc, seen.table,
    )  # fmt: skip
    seen.count += len(fresh)
    rows = _to_frame(numbers, small, kind)
    good_rows = rows if good.all() else rows.filter(pl.Series(good))
    return Scan(good_rows, good, starts, fresh, _gather(letters, starts, fresh).tobytes())


def _kinds() -> np.ndarray:
    """Length of each type of event and its letters as two words."""
    padded = [(len(word), word.encode().ljust(16, b"\0")) for word in EVENT_TYPES]
    words = [[n, *(int.from_bytes(text[i : i + 8], "little") for i in (0, 8))] for n, text in padded]
    return np.array(words, dtype=np.uint64)


def _to_frame(numbers: np.ndarray, small: np.ndarray, kind: np.ndarray) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa

    moment, item, customer, session, cents = numbers
    quantity, stock, nameless = small
    table = {
        "event_time": pa.array(moment, pa.timestamp("us")),
        "event_type": pa.array(kind),
        "item": pa.array(item),
        "customer": pa.array(customer),
        "session": pa.array(session, mask=_mask(nameless != 0)),
        "cents": pa.array(cents, mask=_mask(cents < 0)),
        "quantity": pa.array(quantity),
        "stock": pa.array(stock, mask=stock < 0),
    }
    return pl.DataFrame(pl.from_arrow(pa.table(table)))


def _mask(missing: np.ndarray) -> np.ndarray | None:
    """Nothing where nothing is missing, which is free."""
    return missing if missing.any() else None


@compiled
def _scan(
    text: Any, lines: Any, roles: Any, delimiter: Any, decimal: Any, secret: Any, kinds: Any, on_product: Any,
    earliest: Any, latest: Any, naive_is_utc: Any, seen: Any,
) -> Any:  # fmt: skip
    """Walk over the lines; a line that ends early, goes on too long or holds an odd value is not good."""
    numbers, small = np.empty((5, lines), np.int64), np.empty((3, lines), np.int32)
    kind, good = np.empty(lines, np.uint8), np.empty(lines, np.bool_)
    starts, fresh, spans = np.empty(lines + 1, np.int64), np.empty(lines, np.int64), np.zeros((4, 2), np.int64)
    width, new = len(roles), 0
    separators = np.uint64(delimiter) * _ONES
    minute = np.zeros(3, np.uint64)  # sixteen letters of the clock of the row before, and that minute
    at = np.int64(0)
    for i in range(lines):
        starts[i] = at
        fine, column = True, 0
        has_time = has_kind = has_customer = False
        found_kind = np.int64(-1)
        spans[:] = 0
        numbers[0, i], numbers[2, i], numbers[3, i], numbers[4, i] = 0, 0, 0, -1
        small[0, i], small[1, i], small[2, i] = 1, -1, 1
        while True:
            begin = at
            at = _field_end(text, begin, separators)
            length = at - begin
            role = roles[column] if column < width else 0
            if role == 1:
                moment = _moment_like_before(text, begin, length, naive_is_utc, minute)
                has_time = earliest <= moment < latest
                numbers[0, i] = moment
            elif role == 2:
                found_kind = _kind(text, begin, length, kinds)
                has_kind = found_kind >= 0
            elif 3 <= role <= 6:
                spans[role - 3, 0], spans[role - 3, 1] = begin, length
                fine &= length <= _LONGEST
            elif role == 7:
                numbers[4, i] = _cents(text, begin, length, decimal)
                fine &= numbers[4, i] > -2
            elif role == 8:
                has_customer = 0 < length <= _LONGEST
                numbers[2, i] = np.int64(sip(text, begin, length, secret[0], secret[1]))
            elif role == 9:
                small[2, i] = length == 0
                fine &= length <= _LONGEST
                numbers[3, i] = np.int64(sip(text, begin, length, secret[2], secret[3]))
            elif role == 10:
                small[0, i] = 1 if length == 0 else _whole(text, begin, length)
                fine &= small[0, i] > 0
            elif role == 11:
                small[1, i] = _whole(text, begin, length)
                fine &= length == 0 or small[1, i] >= 0
            column += 1
            at += 1
            if text[at - 1] == 10:
                break
        kind[i] = max(found_kind, 0)
        needed = spans[0, 1] > 0 or found_kind >= on_product
        good[i] = fine and has_time and has_kind and has_customer and needed and column == width
        item = np.uint64(0)
        for k in range(4):
            item = mix(text, spans[k, 0], spans[k, 1], item)
        numbers[1, i] = np.int64(item)
        if good[i] and _add(seen, item):
            fresh[new] = i
            new += 1
    starts[lines] = at
    return numbers, small, kind, good, starts, fresh[:new]


@compiled
def _field_end(text: Any, at: Any, separators: Any) -> Any:
    """Position of the next delimiter or newline, eight bytes at a time."""
    while True:
        word = word_at(text, np.uint64(at))
        a, b = word ^ separators, word ^ (np.uint64(10) * _ONES)
        hits = (((a - _ONES) & ~a) | ((b - _ONES) & ~b)) & _HIGHS
        if hits != 0:
            below = (hits & (~hits + np.uint64(1))) - np.uint64(1)
            return at + np.int64(((below & _ONES) * _ONES) >> np.uint64(56)) - 1
        at += 8


@compiled
def _moment_like_before(text: Any, at: Any, length: Any, naive_is_utc: Any, minute: Any) -> Any:
    """Like `_moment`; a clock in the minute of the row before costs two comparisons and its seconds."""
    early, late = word_at(text, np.uint64(at)), word_at(text, np.uint64(at + 8))
    regular = length == 23 and word_at(text, np.uint64(at + 16)) & _SECONDS_MASK == _SECONDS
    if regular and early == minute[0] and late == minute[1]:
        second = _two(text, at + 17)
        return np.int64(minute[2]) + second * _MICROS if 0 <= second <= 59 else _NEVER
    moment = _moment(text, at, length, naive_is_utc)
    if regular and moment > _NEVER:
        minute[0], minute[1] = early, late
        minute[2] = np.uint64(moment - _two(text, at + 17) * _MICROS)
    return moment


@compiled
def _kind(text: Any, at: Any, length: Any, kinds: Any) -> Any:
    """Position of the type of event among the known ones, or -1."""
    if length < 1 or length > 16:
        return np.int64(-1)
    first = last_word(text, at, min(length, 8))
    second = last_word(text, at + 8, max(length - 8, 0))
    for k in range(len(kinds)):
        if kinds[k, 0] == np.uint64(length) and kinds[k, 1] == first and kinds[k, 2] == second:
            return np.int64(k)
    return np.int64(-1)


@compiled
def _add(table: Any, code: Any) -> Any:
    """Add a code to the set (open addressing); whether it is new. An empty place is 0, so a code of 0 is kept as 1."""
    code = max(code, np.uint64(1))
    mask = np.uint64(len(table) - 1)
    place = code & mask
    while table[place] != 0:
        if table[place] == code:
            return False
        place = (place + np.uint64(1)) & mask
    table[place] = code
    return True


@compiled
def _gather(text: Any, starts: Any, lines: Any) -> Any:
    """Text of some lines, one after the other."""
    gathered = np.empty((starts[lines + 1] - starts[lines]).sum(), np.uint8)
    filled = 0
    for line in lines:
        size = starts[line + 1] - starts[line]
        gathered[filled : filled + size] = text[starts[line] : starts[line + 1]]
        filled += size
    return gathered


@compiled
def _add_all(table: Any, codes: Any) -> None:
    for code in codes:
        _add(table, code)


@compiled
def _two(text: Any, at: Any) -> Any:
    """Two digits, or a number so negative that no sum with it is valid."""
    a, b = np.int64(text[at]) - 48, np.int64(text[at + 1]) - 48
    return 10 * a + b if 0 <= a <= 9 and 0 <= b <= 9 else np.int64(-1_000_000)


@compiled
def _moment(text: Any, at: Any, length: Any, naive_is_utc: Any) -> Any:
    """Microseconds since 1970 of a clock in UTC that says so; a number before all bounds otherwise."""
    if length not in (19, 20, 23, 25):
        return _NEVER
    if text[at + 4] != 45 or text[at + 7] != 45 or text[at + 13] != 58 or text[at + 16] != 58:
        return _NEVER
    if text[at + 10] != 32 and text[at + 10] != 84:
        return _NEVER
    if length == 19:
        utc = naive_is_utc
    elif length == 20:
        utc = text[at + 19] == 90
    elif length == 23:
        utc = text[at + 19] == 32 and text[at + 20] == 85 and text[at + 21] == 84 and text[at + 22] == 67
    else:
        utc = text[at + 19] == 43 and text[at + 22] == 58
        for k in (20, 21, 23, 24):
            utc &= text[at + k] == 48
    year, month, day = 100 * _two(text, at) + _two(text, at + 2), _two(text, at + 5), _two(text, at + 8)
    hour, minute, second = _two(text, at + 11), _two(text, at + 14), _two(text, at + 17)
    whole = year > 0 and 1 <= month <= 12 and day >= 1 and 0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59
    if not utc or not whole:
        return _NEVER
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 29 if month == 2 and leap else 28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day > longest:
        return _NEVER
    # Days from a civil date, with years that begin in March (Hinnant 2013).
    y = year - 1 if month <= 2 else year
    era = y // 400
    of_era = y - 400 * era
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = 146_097 * era + 365 * of_era + of_era // 4 - of_era // 100 + of_year - 719_468
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * _MICROS


@compiled
def _whole(text: Any, at: Any, length: Any) -> Any:
    """A number of one to nine digits, or -1."""
    if length < 1 or length > _DIGITS_BEFORE:
        return _NONE
    value = np.int64(0)
    for j in range(length):
        digit = np.int64(text[at + j]) - 48
        if digit < 0 or digit > 9:
            return _NONE
        value = 10 * value + digit
    return value


@compiled
def _cents(text: Any, at: Any, length: Any, decimal: Any) -> Any:
    """Cents of a price with at most two decimals; -1 where there is none, -2 where somebody has to look at it."""
    if length == 0:
        return _NONE
    whole = 0
    while whole < length and text[at + whole] != decimal:
        whole += 1
    euros = _whole(text, at, whole)
    decimals = length - whole - 1
    if euros < 0 or decimals == 0 or decimals > 2:
        return np.int64(-2)
    if decimals < 0:
        return 100 * euros
    part = _whole(text, at + whole + 1, decimals)
    if part < 0:
        return np.int64(-2)
    return 100 * euros + (10 * part if decimals == 1 else part)
