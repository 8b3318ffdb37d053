"""The measurements with the peer's values and the bars, as one table."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MIB_PER_GIB = 1024


@dataclass(frozen=True)
class Row:
    """One measurement.

    `ours` and `peer` are in `unit`; `peer` is None if no peer does the same. A bar is `most` or `least` in `unit`, or `ratio`, the
    highest allowed share of the peer's value. If there is both a ratio and a peer, the ratio decides, because absolute times depend on the
    machine; the other bar is then the aim on a quiet machine. A row without a bar is only information.
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    most: float | None = None
    least: float | None = None
    ratio: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met, None if there is no bar."""
        if self.ratio is not None and self.peer is not None:
            return self.ours <= self.ratio * self.peer
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.ours <= self.most) and (self.least is None or self.ours >= self.least)

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return name, our value, the peer's value, bar and verdict as they are printed."""
        bars = []
        if self.most is not None:
            bars.append(f"≤ {_number(self.most)}")
        if self.least is not None:
            bars.append(f"≥ {_number(self.least)}")
        if self.ratio is not None:
            bars.append(f"≤ {self.ratio:g} of the peer")
        beside = "" if self.peer is None else _number(self.peer)
        if self.ratio is not None and self.peer:
            beside += f" (ours is {self.ours / self.peer:.2f})"
        verdict = {None: "", True: "met", False: "**missed**"}[self.met]
        name = f"{self.name}, {self.unit}" if self.unit else self.name
        return name, _number(self.ours), beside, ", ".join(bars), verdict


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f}"


def machine() -> str:
    """Return the machine's size: cores and memory."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    return f"{os.cpu_count()} cores, {round(pages / MIB_PER_GIB)} GiB"


def table(parts: Iterable[tuple[str, list[Row]]], about: str) -> str:
    """Return the rows of the parts as a Markdown table.

    Args:
        parts: Heading and rows of each part.
        about: A description of the data and the runs.
    """
    head = f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {machine()}; {about}."
    return "\n".join([head, "", *_lines(parts)]) + "\n"


def _lines(parts: Iterable[tuple[str, list[Row]]]) -> Iterator[str]:
    yield "| what | ODOportal | peer | bar | |"
    yield "| --- | ---: | ---: | --- | --- |"
    for heading, rows in parts:
        yield f"| **{heading}** | | | | |"
        for row in rows:
            yield f"| {' | '.join(row.cells())} |"


def write(text: str, file: Path) -> None:
    """Write the table to a file."""
    file.write_text(text, "utf-8")
