"""Files of events to Parquet, into the database, to features and edges: ours beside DuckDB and polars by hand.

Run with ``python -m benchmarks.ingestion``; rows are printed as they come. Each job runs in a process of its own:
seconds, CPU seconds, peak memory. Ours does more on the way to Parquet (checks, pseudonyms, cents, quarantine,
resumable parts); the peers convert types. ``--kills 20`` kills running loads at random moments, ``--sizes 1 10 40``
repeats ours at other volumes (in millions) and extrapolates to 411, ``--rounds 0`` leaves out the table. Files are
generated once below ``--folder``. The first call of ours compiles (ten seconds), so a small load goes before the
table. On a busy machine read CPU seconds, and of those the ratio to the peers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from graphrec.market.clickstream.generation import generate_events

__all__ = ["main"]

_TARGET = 411
_NEEDED = ("our_parquet", "our_database", "our_features", "our_edges")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "graphrec-events")
    parser.add_argument("--events", type=float, default=10, help="Millions of events.")
    parser.add_argument("--sizes", type=float, nargs="*", default=[], help="Further volumes of ours, in millions.")
    parser.add_argument("--kills", type=int, default=0, help="Running loads to kill (Linux).")
    parser.add_argument("--rounds", type=int, default=1, help="Tables beside the peers; 0 for none.")
    options = parser.parse_args()
    shutil.rmtree(options.folder / "warm", ignore_errors=True)
    _run("our_parquet", options.folder / "warm", "1GB", _made(options.folder, 0.02))
    for _ in range(options.rounds):
        _compare(options.folder, _made(options.folder, options.events), options.events)
    costs = {size: _cost(options.folder, size) for size in options.sizes}
    _extrapolate(costs)
    if options.kills:
        _kill(options.folder, _made(options.folder, 1), options.kills)


def _made(folder: Path, millions: float) -> list[Path]:
    """Files of so many events, generated where they are not there."""
    place = folder / f"{millions:g}M"
    if not (place / "truth.parquet").exists():
        generate_events(place, round(millions * 1e6), rng=0)
    return sorted(place.glob("*.csv.gz"))


def _run(job: str, out: Path, limit: str, files: list[Path]) -> dict[str, Any]:
    single = job in ("polars_features",)
    threads = {"OMP_NUM_THREADS": "1"} | ({"POLARS_MAX_THREADS": "1"} if single else {})
    words = [sys.executable, "-m", "benchmarks.volumes", job, str(out), limit, *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | threads)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:100]}
    return dict(json.loads(done.stdout))


def _row(job: str, limit: str, done: dict[str, Any], events: float) -> None:
    load = f"load {os.getloadavg()[0]:.1f}"
    if "failed" in done:
        print(f"{job:18s} {limit:>6s}  {done['failed']}", flush=True)
        return
    rate = events / done["seconds"]
    print(
        f"{job:18s} {limit:>6s} {done['rows']:>12,} rows {done['seconds']:8.1f} s {done['cpu']:8.1f} CPU s "
        f"{done['mb']:7.0f} MB {rate:6.2f} M events/s  {load}",
        flush=True,
    )


def _compare(folder: Path, files: list[Path], events: float) -> None:
    """All jobs on the same files."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    database = [work / "database" / "events.duckdb"]
    table = [
        ("polars_parquet", "-", files), ("duckdb_parquet", "512MB", files), ("our_parquet", "-", files),
        ("our_database", "512MB", files), ("our_features", "700MB", database), ("duckdb_features", "4GB", database),
        ("polars_features", "-", database), ("our_features", "500MB", database), ("duckdb_features", "500MB", database),
        ("our_edges", "700MB", database), ("duckdb_edges", "4GB", database),
    ]  # fmt: skip
    print(f"{events:g} million events, {sum(file.stat().st_size for file in files) / 1e6:,.0f} MB gz", flush=True)
    for job, limit, given in table:
        out = work / ("database" if job == "our_database" or given is database else job)
        if job == "polars_features":
            _run("copy_table", out, "4GB", database)  # not here: a child's peak of memory begins with its parent's
        done = _run(job, out, "1GB" if limit == "-" else limit, given)
        _row(job, limit, done, events)


def _cost(folder: Path, millions: float) -> dict[str, float]:
    """Seconds of each of our steps at one volume."""
    files, work = _made(folder, millions), folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    costs = {}
    for job in _NEEDED:
        given = files if job in ("our_parquet", "our_database") else [work / "database" / "events.duckdb"]
        done = _run(job, work / ("parquet" if job == "our_parquet" else "database"), "1GB", given)
        _row(job, "1GB", done, millions)
        costs[job] = float(done.get("cpu", float("nan")))
        shutil.rmtree(work / "parquet", ignore_errors=True)
    return costs


def _extrapolate(costs: dict[float, dict[str, float]]) -> None:
    """CPU seconds at 411 million events by the line through the two largest volumes."""
    if len(costs) < 2:
        return
    small, large = sorted(costs)[-2:]
    for job in _NEEDED:
        slope = (costs[large][job] - costs[small][job]) / (large - small)
        total = costs[large][job] + slope * (_TARGET - large)
        print(f"{job:18s} {slope:6.2f} CPU s a million, {total:8,.0f} CPU s for {_TARGET} million", flush=True)


def _kill(folder: Path, files: list[Path], times: int) -> None:
    """Kill running loads at random moments; then the database must hold whole files only, and at last every event once.

    Moments are CPU seconds of the load itself, so that a busy machine moves none of them. A kill counts if the load
    died of it after it had changed a file (before that it may still start Python); else another takes its place.
    """
    work, rng, kept = folder / "kills", np.random.default_rng(0), []
    shutil.rmtree(work, ignore_errors=True)
    words = [sys.executable, "-m", "benchmarks.volumes", "our_database", str(work), "512MB", *map(str, files)]
    straight = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    whole = _watched(straight, float("inf"))
    if straight.returncode:
        raise SystemExit(f"a load that nobody killed ended with status {straight.returncode}")
    expected = _contents(work / "events.duckdb")
    shutil.rmtree(work)
    while len(kept) < times:
        before = _files(work)
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        spent = _watched(process, float(rng.uniform(0.25, 0.8)) * whole)
        if process.returncode not in (0, -signal.SIGKILL):
            raise SystemExit(f"a load after a kill ended with status {process.returncode}")
        hit = process.returncode != 0 and _files(work) != before
        found = _whole_files(work / "events.duckdb") if (work / "events.duckdb").exists() else 0
        state = "killed" if hit else "ended" if process.returncode == 0 else "killed before it wrote"
        print(f"{state} at {spent:.1f} of {whole:.1f} CPU s: {found} whole files", flush=True)
        kept += [found] if hit else []
        if found == len(files):
            (work / "events.duckdb").unlink()
    subprocess.run(words, capture_output=True, check=True)
    same = _contents(work / "events.duckdb") == expected
    print(f"{times} running loads killed, whole files after each: {kept}; at last the same events: {same}", flush=True)


def _watched(process: subprocess.Popen[bytes], moment: float) -> float:
    """CPU seconds after which the process ended, or was killed because it had used so many."""
    spent, ticks = 0.0, os.sysconf("SC_CLK_TCK")
    while process.poll() is None:
        after = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        spent = max(spent, (int(after[11]) + int(after[12])) / ticks)
        if spent >= moment:
            process.kill()
            process.wait()
            break
        time.sleep(0.02)
    return spent


def _files(folder: Path) -> set[tuple[Path, int]]:
    """Files below the folder and when each was changed."""
    return {(path, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def _whole_files(database: Path) -> int:
    """Files that the database holds; each must have the events that were noted of it."""
    from graphrec.market.clickstream.database import open_events

    with open_events(database) as opened:
        query = "SELECT load, count(*) FROM events GROUP BY load ORDER BY load"
        found = opened.connection.execute(query).fetchall()
        noted = opened.connection.execute("SELECT load, events FROM loads ORDER BY load").fetchall()
    if found != noted:
        raise SystemExit(f"events of loads are {found}, noted are {noted}")
    return len(found)


def _contents(database: Path) -> list[tuple[Any, ...]]:
    from graphrec.market.clickstream.database import open_events

    query = "SELECT count(*), sum(cents), sum(hash(customer, event_time, product, session) % 1000003) FROM events"
    with open_events(database) as opened:
        return list(opened.connection.execute(query).fetchall())


if __name__ == "__main__":
    main()
