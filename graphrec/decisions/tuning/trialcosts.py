"""What a trial costs: seconds, CPU seconds, and the most memory the process held meanwhile.

Hides how the peak is read. Linux lets a process reset the mark of its own highest memory; elsewhere the mark only ever
rises, so a trial that stays below an earlier one reports the earlier one's.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Meter"]

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass
class Meter:
    """Started when made.

    Examples
    --------
    >>> seconds, cpu, peak = Meter().read()
    >>> seconds >= 0 and cpu >= 0 and peak > 1
    True
    """

    _wall: float = field(default_factory=lambda: time.perf_counter())
    _cpu: float = field(default_factory=lambda: time.process_time())

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError):
            _RESET.write_text("5")

    def read(self) -> list[float]:
        """Seconds, CPU seconds and megabytes since the start."""
        return [time.perf_counter() - self._wall, time.process_time() - self._cpu, _peak()]


def _peak() -> float:
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if sys.platform == "darwin" else 1024)
