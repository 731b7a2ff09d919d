"""Files of a few generated events, and a way to load them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graphrec.market.clickstream.generation import generate_events
from graphrec.market.clickstream.loading import Load, ingest_events
from graphrec.market.protection.keys import PseudonymKey

KEY = PseudonymKey(bytes(range(32)))
NOW = datetime(2021, 6, 1, tzinfo=UTC)
HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"


def row(second: int = 0, user: str = "541312140", price: str = "35.79", **other: str) -> str:
    """One line of the marketplace format."""
    values = {
        "event_time": f"2019-10-01 00:{second // 60:02d}:{second % 60:02d} UTC",
        "event_type": "view",
        "product_id": "44600062",
        "category_id": "2103807459595387724",
        "category_code": "",
        "brand": "shiseido",
        "price": price,
        "user_id": user,
        "user_session": "72d76fde-8bb3-4e00-8c23-a032dfed738c",
    }
    return ",".join((values | other).values())


def write(path: Path, lines: Sequence[str], header: str = HEADER) -> Path:
    """Write a CSV file, gzipped where its name says so."""
    text = "".join(f"{line}\n" for line in (header, *lines)).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of 6,000 generated events."""
    made = generate_events(tmp_path_factory.mktemp("events"), 6_000, days=31, customers=300, products=80, rng=0)
    return made.files[0]


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Load]:
    """Load one file into ``shop.duckdb`` below the test's folder."""

    def ingest(file: Path, **options: object) -> Load:
        chosen = {"key": KEY, "now": NOW, "threads": 1} | options
        return ingest_events([file], tmp_path / "shop.duckdb", **chosen)[0]  # type: ignore[arg-type]

    return ingest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data that are not shipped."""
    folder = Path(__file__).parents[4] / "shared" / "data"
    if not (folder / "rees46_sample").is_dir():
        pytest.skip("the public clickstream sample is not on this machine")
    return folder
