"""A block of lines becomes typed rows without raw identifiers, and a list of what was set aside.

Hides the types: times in UTC with the local offset beside them, money in whole cents, events as small numbers,
customers and sessions as keyed pseudonyms, products with their attributes as one code. No raw identifier of a person
leaves this module: the quarantine keeps the reason, the column and the value, and of the identifiers of persons only
that they were missing.

Lines of the common form are read in one compiled pass (`graphrec.market.clickstream.rowscan`); here the others are
judged: all their columns are read as text and converted as a whole, and a value that does not convert gives the
reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from graphrec.market.clickstream.eventformat import EventFormat
from graphrec.market.clickstream.eventtimes import local_offsets, read_moments
from graphrec.market.clickstream.itemcodes import hash_items
from graphrec.market.clickstream.rowscan import ROLES, Scan, SeenItems, scan_rows
from graphrec.market.clickstream.textblocks import Block, mend_block
from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import EVENT_TYPES, ON_PRODUCT

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ITEM_COLUMNS", "Parsed", "RowParser", "name_columns", "parse_block", "parse_texts"]

ITEM_COLUMNS = ("product_id", "category_id", "category", "brand")
_LONGEST = 200
_HIGHEST_CENTS = 10**11
_HIGHEST_UNITS = 10**9
_SHOWN = 60
_PERSONAL = ("customer_id", "session_id")


@dataclass(frozen=True)
class RowParser:
    """What a row is judged by.

    Attributes
    ----------
    layout : EventFormat
    header : tuple of str
        Columns of the file, in its order.
    key : PseudonymKey
    time_zone : str
        Zone in which days are cut.
    earliest, latest : datetime.datetime
        Events outside are set aside.
    """

    layout: EventFormat
    header: tuple[str, ...]
    key: PseudonymKey
    time_zone: str
    earliest: datetime
    latest: datetime

    @property
    def roles(self) -> np.ndarray:
        """For each column of the file its number in `ROLES`."""
        ours = {column: name for name, column in self.layout.columns.items()}
        return np.array([ROLES.index(ours.get(column, "")) for column in self.header], dtype=np.uint8)


@dataclass(frozen=True)
class Parsed:
    """Rows, the distinct products among them, and what was set aside.

    Attributes
    ----------
    rows : polars.DataFrame
        event_time, utc_offset (minutes), event_type (position in `EVENT_TYPES`), item, customer, session, cents,
        quantity, stock.
    items : polars.DataFrame
        item and the four columns it stands for.
    aside : polars.DataFrame
        line, reason, column, value.
    """

    rows: pl.DataFrame
    items: pl.DataFrame
    aside: pl.DataFrame


def parse_block(block: Block, parser: RowParser, seen: SeenItems) -> Parsed:
    """Parse the lines of one block.

    Parameters
    ----------
    block : Block
    parser : RowParser
    seen : SeenItems
        Items that earlier blocks have listed; those of this block are added, and only they are in ``items``.
    """
    if not _is_plain(block.text, parser.layout):
        return _judge(mend_block(block, parser.layout, len(parser.header)), parser)
    scan = scan_rows(
        block.text,
        block.lines - len(block.broken),
        parser.roles,
        parser.layout.delimiter,
        parser.layout.decimal,
        (parser.key.derive("customer"), parser.key.derive("session")),
        (_micros(parser.earliest), _micros(parser.latest)),
        parser.layout.naive_zone == "UTC",
        seen,
    )
    offsets = local_offsets(scan.rows["event_time"], parser.time_zone)
    rows = scan.rows.insert_column(1, offsets.alias("utc_offset"))
    good = Parsed(rows, _new_items(scan, parser), _aside([]))
    if scan.good.all() and not block.broken:
        return good
    odd = np.flatnonzero(~scan.good)
    lines = b"".join(block.text[scan.starts[i] : scan.starts[i + 1]] for i in odd)
    rest = Block(lines, block.first, len(odd), block.position, block.broken)
    return _join(good, _judge(mend_block(rest, parser.layout, len(parser.header), block.first + odd), parser))


def _is_plain(text: bytes, layout: EventFormat) -> bool:
    """Valid UTF-8 without quotes."""
    if b'"' in text:
        return False
    if text.isascii():
        return True
    if layout.encoding != "utf-8":
        return False
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _new_items(scan: Scan, parser: RowParser) -> pl.DataFrame:
    """Names of the items that were not seen before."""
    codes = scan.rows["item"].gather(np.cumsum(scan.good)[scan.fresh] - 1)
    named = name_columns(_read_csv(scan.fresh_lines, parser), parser.layout)
    return named.select(ITEM_COLUMNS).insert_column(0, codes)


def _join(first: Parsed, second: Parsed) -> Parsed:
    import polars as pl

    parts = ((first.rows, second.rows), (first.items, second.items), (first.aside, second.aside))
    return Parsed(*(pl.concat(pair) for pair in parts))


def _judge(mended: tuple[Block, list[int]], parser: RowParser) -> Parsed:
    """Parse lines that are whole but of any form."""
    block, numbers = mended
    ours = name_columns(_read_csv(block.text, parser), parser.layout)
    return parse_texts(ours, np.array(numbers, dtype=np.int64), parser, [(b.line, b.reason) for b in block.broken])


def name_columns(texts: pl.DataFrame, layout: EventFormat) -> pl.DataFrame:
    """Give the file's columns our names; what the file does not have is missing in every row."""
    import polars as pl

    wanted = (*ITEM_COLUMNS, "session_id", "price", "quantity", "stock")
    return texts.select(
        *(pl.col(column).alias(name) for name, column in layout.columns.items()),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in wanted if name not in layout.columns),
    )


def _read_csv(text: bytes, parser: RowParser) -> pl.DataFrame:
    import polars as pl

    if not text:
        return pl.DataFrame(schema=dict.fromkeys(parser.header, pl.String))
    return pl.read_csv(
        text,
        has_header=False,
        schema=dict.fromkeys(parser.header, pl.String),
        separator=parser.layout.delimiter,
        quote_char='"' if b'"' in text else None,
    )


def parse_texts(
    texts: pl.DataFrame, numbers: np.ndarray, parser: RowParser, broken: Sequence[tuple[int, str]] = ()
) -> Parsed:
    """Parse columns of text under our names; ``numbers`` are their lines in the file."""
    import polars as pl

    kinds = pl.Enum(EVENT_TYPES)
    moment = read_moments(texts["event_time"], parser.layout.naive_zone)
    price = (
        pl.col("price")
        if parser.layout.decimal == "."
        else pl.col("price").str.replace(parser.layout.decimal, ".", literal=True)
    )
    rows = texts.select(
        moment.alias("event_time"),
        pl.col("event_type").cast(kinds, strict=False).to_physical().cast(pl.UInt8),
        (price.cast(pl.Float64, strict=False) * 100).round().alias("cents"),
        *(pl.col(name).cast(pl.Float64, strict=False) for name in ("quantity", "stock")),
    )
    wrong = _find_wrong(texts, rows, parser)
    aside = _set_aside(texts, numbers, wrong, broken)
    if wrong is not None:
        good = wrong["reason"].is_null()
        rows, texts = rows.filter(good), texts.filter(good)
    session = pl.Series(parser.key.sessions(texts["session_id"]))
    typed = rows.select(
        pl.col("event_time"),
        local_offsets(rows["event_time"], parser.time_zone).alias("utc_offset"),
        pl.col("event_type"),
        pl.Series("item", hash_items(texts.select(ITEM_COLUMNS))),
        pl.Series("customer", parser.key.customers(texts["customer_id"])),
        pl.select(pl.when(texts["session_id"].is_not_null()).then(session)).to_series().alias("session"),
        pl.col("cents").cast(pl.Int64),
        pl.col("quantity").fill_null(1).cast(pl.Int32),
        pl.col("stock").cast(pl.Int32),
    )
    first = typed["item"].arg_unique().sort()
    items = texts.select(ITEM_COLUMNS)[first].insert_column(0, typed["item"][first])
    return Parsed(typed, items, aside)


def _aside(broken: Sequence[tuple[int, str]]) -> pl.DataFrame:
    """Lines set aside before they had columns."""
    import polars as pl

    schema = {"line": pl.Int64, "reason": pl.String, "column": pl.String, "value": pl.String}
    return pl.DataFrame([(line, reason, None, None) for line, reason in broken], schema=schema, orient="row")


def _find_wrong(texts: pl.DataFrame, rows: pl.DataFrame, parser: RowParser) -> pl.DataFrame | None:
    """Columns reason and column, missing on good rows; nothing where all rows are good."""
    import polars as pl

    product_needed = [EVENT_TYPES.index(name) for name in ON_PRODUCT]
    earliest, latest = (moment.astimezone(UTC).replace(tzinfo=None) for moment in (parser.earliest, parser.latest))
    both = texts.select(pl.all().name.prefix("text ")).hstack(rows)
    text = {name: pl.col(f"text {name}") for name in texts.columns}
    number = {
        name: pl.col(name).is_null() & text[of].is_not_null()
        for name, of in (("cents", "price"), ("quantity", "quantity"), ("stock", "stock"))
    }
    checks: list[tuple[pl.Expr, str, str]] = [
        (text["event_time"].is_null(), "is missing", "event_time"),
        (pl.col("event_time").is_null(), "is not a time such as 2019-10-01 00:00:00 UTC", "event_time"),
        (pl.col("event_time") < earliest, f"lies before {earliest:%Y-%m-%d}", "event_time"),
        (pl.col("event_time") >= latest, "lies in the future", "event_time"),
        (pl.col("event_type").is_null(), "is not a known type of event", "event_type"),
        (text["customer_id"].is_null(), "is missing", "customer_id"),
        (text["product_id"].is_null() & pl.col("event_type").is_in(product_needed), "is missing", "product_id"),
        (number["cents"] | pl.col("cents").is_nan(), "is not a number", "price"),
        (pl.col("cents") < 0, "is negative", "price"),
        (pl.col("cents") > _HIGHEST_CENTS, "is above a thousand million", "price"),
        (number["quantity"] | pl.col("quantity").is_nan(), "is not a number", "quantity"),
        ((pl.col("quantity") <= 0) | (pl.col("quantity") > _HIGHEST_UNITS), "is not above zero, or absurd", "quantity"),
        (number["stock"] | pl.col("stock").is_nan(), "is not a number", "stock"),
        ((pl.col("stock") < 0) | (pl.col("stock") > _HIGHEST_UNITS), "is negative, or absurd", "stock"),
        *(
            (text[name].str.len_bytes() > _LONGEST, f"is longer than {_LONGEST} bytes", name)
            for name in (*ITEM_COLUMNS, *_PERSONAL)
        ),
    ]
    found = both.select(any_wrong=pl.any_horizontal(check.fill_null(False) for check, _, _ in checks).any())
    if not found.item():
        return None
    choice = pl.coalesce(pl.when(check).then(pl.lit(i, dtype=pl.Int8)) for i, (check, _, _) in enumerate(checks))
    which = both.select(choice.alias("which"))["which"]
    reasons, columns = pl.Series([reason for _, reason, _ in checks]), pl.Series([column for _, _, column in checks])
    return pl.DataFrame({"reason": reasons.gather(which), "column": columns.gather(which)})


def _set_aside(
    texts: pl.DataFrame, numbers: np.ndarray, wrong: pl.DataFrame | None, broken: Sequence[tuple[int, str]]
) -> pl.DataFrame:
    """One row for each line set aside, in the order of the file."""
    import polars as pl

    aside = _aside(broken)
    if wrong is None:
        return aside
    bad = wrong["reason"].is_not_null()
    named = wrong.filter(bad)
    shown = texts.filter(bad).hstack(named.select(pl.col("column").alias("named")))
    values = pl.coalesce(
        pl.when(pl.col("named") == name).then(pl.col(name).str.slice(0, _SHOWN))
        for name in texts.columns
        if name not in _PERSONAL
    )
    value = shown.select(values.alias("value")).to_series()
    rows = named.with_columns(pl.Series("line", numbers, dtype=pl.Int64).filter(bad), value)
    return pl.concat([aside, rows.select(aside.columns)]).sort("line")
