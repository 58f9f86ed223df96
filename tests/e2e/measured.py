"""The numbers of a run: each measured once, printed at the end and kept as JSON and as a table.

Owns how they are kept and shown. Does not judge: tests do.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Number:
    """One measured number; `promise` says what it should be, where something was promised."""

    what: str
    value: float
    unit: str
    promise: str = ""


class Measured:
    def __init__(self) -> None:
        self.numbers: list[Number] = []
        self.folder: Path | None = None
        """Where the numbers are kept."""
        self.kept: Path | None = None
        """The copy of the checkout whose sandbox was left up, if it was."""

    def add(self, what: str, value: float, unit: str, promise: str = "") -> None:
        self.numbers.append(Number(what, round(value, 2), unit, promise))

    def table(self) -> list[str]:
        """Markdown."""
        rows = [("what", "value", "unit", "promised")]
        rows += [(one.what, f"{one.value:g}", one.unit, one.promise) for one in self.numbers]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
            for row in rows
        ]
        return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]

    def packed(self) -> str:
        """All of it as text, for another process."""
        return json.dumps(
            {
                "numbers": [asdict(one) for one in self.numbers],
                "folder": str(self.folder or ""),
                "kept": str(self.kept or ""),
            }
        )

    def unpack(self, text: str) -> None:
        """Add what another process packed."""
        other = json.loads(text)
        self.numbers += [Number(**one) for one in other["numbers"]]
        self.folder = Path(other["folder"]) if other["folder"] else self.folder
        self.kept = Path(other["kept"]) if other["kept"] else self.kept

    def save(self) -> None:
        if self.folder is None or not self.numbers:
            return
        (self.folder / "measured.json").write_text(
            json.dumps([asdict(one) for one in self.numbers], indent=1) + "\n", encoding="utf-8"
        )
        (self.folder / "measured.md").write_text("\n".join(self.table()) + "\n", encoding="utf-8")


MEASURED = Measured()
"""Of this run; pytest's summary has no other way to it."""
