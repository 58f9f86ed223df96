"""Starts the command line: `python -m sandbox.tools`."""

from __future__ import annotations

from sandbox.tools.cli import main

if __name__ == "__main__":
    main()
