"""Texts to moments in UTC, and moments to the local offset.

Hides the spellings of a time: ``2019-10-01 00:00:00 UTC``, ``2021-02-12 20:40:19+00:00``, a ``T`` or a blank in the
middle, fractions of a second, other offsets, or none. The common case (one spelling, UTC) costs 0.1 microseconds a
row; the others are looked at only where they occur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["local_offsets", "read_moments"]

_UTC_ENDINGS = (" UTC", "+00:00", "Z", "+00", " +00:00", "+0000")
_PATTERN = r"^(?<fraction>\.\d{1,9})? ?(?:UTC|Z|(?<sign>[+-])(?<hours>\d\d):?(?<minutes>\d\d)?)?$"
_CLOCK = "%Y-%m-%d %H:%M:%S"


def read_moments(texts: pl.Series, naive_zone: str = "UTC") -> pl.Series:
    """Moments (microseconds, UTC, without a zone) of texts; missing where a text is no time.

    Parameters
    ----------
    texts : polars.Series of String
    naive_zone : str
        Zone of clocks that name none. An hour that a change of the clocks repeats is read as its first occurrence; one
        that it skips is no time.

    Examples
    --------
    >>> import polars as pl
    >>> texts = ["2019-10-01 00:00:05 UTC", "2019-10-01T02:00:05+02:00", "2019-10-01 00:00:05.5", "yesterday"]
    >>> [str(moment) for moment in read_moments(pl.Series(texts))]
    ['2019-10-01 00:00:05', '2019-10-01 00:00:05', '2019-10-01 00:00:05.500000', 'None']
    """
    import polars as pl

    clock, ending = texts.str.slice(0, 19), texts.str.slice(19)
    endings = set(ending.unique().to_list()) - {None}
    if endings <= set(_UTC_ENDINGS):
        moments = clock.str.to_datetime(_CLOCK, time_unit="us", strict=False)
        if moments.null_count() == texts.null_count():
            return moments
    clock = texts.str.slice(0, 10) + " " + texts.str.slice(11, 8)
    moments = clock.str.to_datetime(_CLOCK, time_unit="us", strict=False)
    separators = texts.str.slice(10, 1)
    parts = ending.str.extract_groups(_PATTERN).struct.unnest()
    # The reader of clocks takes shorter texts too; a time has all of its 19 letters.
    whole = (clock.str.len_bytes() == 19) & separators.is_in([" ", "T"]) & ending.str.contains(_PATTERN)
    frame = parts.hstack([moments.alias("moment"), ending.alias("ending"), whole.alias("whole")])
    offset = pl.col("hours").cast(pl.Int64) * 60 + pl.col("minutes").cast(pl.Int64).fill_null(0)
    signed = pl.when(pl.col("sign") == "-").then(-offset).otherwise(offset).fill_null(0)
    fraction = (pl.col("fraction").cast(pl.Float64).fill_null(0) * 1_000_000).round().cast(pl.Int64)
    shifted = pl.col("moment") - pl.duration(minutes=signed) + pl.duration(microseconds=fraction)
    if naive_zone != "UTC":
        local = pl.col("moment").dt.replace_time_zone(naive_zone, ambiguous="earliest", non_existent="null")
        naive = local.dt.convert_time_zone("UTC").dt.replace_time_zone(None) + pl.duration(microseconds=fraction)
        named = pl.col("sign").is_not_null() | pl.col("ending").str.contains("UTC|Z")
        shifted = pl.when(named).then(shifted).otherwise(naive)
    return frame.select(pl.when(pl.col("whole")).then(shifted).alias("moment"))["moment"]


def local_offsets(moments: pl.Series, zone: str) -> pl.Series:
    """Minutes (int16) from UTC to the local clock at each moment."""
    import polars as pl

    if zone == "UTC":
        return pl.zeros(len(moments), dtype=pl.Int16, eager=True)
    local = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return (local.dt.base_utc_offset() + local.dt.dst_offset()).dt.total_minutes().cast(pl.Int16)
