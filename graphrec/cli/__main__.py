"""``python -m graphrec.cli``: the command line without its entry point."""

from __future__ import annotations

from graphrec.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
