"""What each fault came to: a file of rows for each, and one page made of all of them.

A run replaces the rows of the faults that it tried and leaves the others alone, so that the page can be brought up to
date in parts and by several processes at once.
"""

import fcntl
import os
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from tests.faults.checker import Fates
from tests.faults.report_text import CONTROLS, INTRODUCTION, WHY

#: `make soak` names the page; the rows are in a folder beside it, named as the page without `.md`.
REPORT: Final = "FAULTS_REPORT"
_COLUMNS: Final = (
    "fault",
    "times",
    "records",
    "lost",
    "doubled",
    "out of order",
    "mistaken",
    "other windows",
    "degraded",
    "recovery s (median, longest)",
    "run s",
    "note",
)


class Row(BaseModel):
    """One run of a fault, or one part of it: the parts of a fault are added up, and a run of all of it replaces them.

    Attributes:
        id: the rows' file name, which also sorts the table: two digits and the fault's short name, `10-kill-random`.
        part: which part of the fault's runs this is; a later run of the same part replaces it.
        fault: what was done, in words, the same for all parts.
        times: how often.
        fates: what the checker found; none where it does not apply.
        recovery_s: seconds from each blow until work was done again, as the page says.
        gone_on_s: seconds from each blow until the first event or dead letter of a message published after it.
        seconds: the whole run.
        control: a negative control, which belongs into the second table.
        against: the negative control that shows that the fault would be seen, or why there is none.
        counts: what else was counted, by its name.
        note: what else was promised and seen.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^\d\d-[a-z0-9-]+$")
    part: str = ""
    fault: str
    times: int
    fates: Fates | None = None
    recovery_s: tuple[float, ...] = ()
    gone_on_s: tuple[float, ...] = ()
    seconds: float = 0.0
    control: bool = False
    against: str = ""
    counts: dict[str, int] = {}
    note: str = ""

    @property
    def clean(self) -> bool:
        """The checker found nothing wrong."""
        return self.fates is not None and self.fates.clean


class _Rows(BaseModel):
    """The file of one fault: its parts by name."""

    parts: dict[str, Row]


class Report:
    """Prints each row as it comes, and keeps the page of `make soak` up to date.

    Args:
        page: the Markdown file; by default what FAULTS_REPORT names, or none.
    """

    def __init__(self, page: Path | None = None) -> None:
        named = os.environ.get(REPORT)
        self._page = page or (Path(named) if named else None)

    def add(self, row: Row) -> Row:
        """One more; returns it."""
        print(f"\n{table([row])}")  # noqa: T201 -- with -s, or in the soak's output
        if self._page is not None:
            folder = self._page.with_suffix("")
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder):
                _keep(folder / f"{row.id}.json", row)
                self._page.write_text(page_of(read_rows(folder)))
        return row


def read_rows(folder: Path) -> list[Row]:
    """One row for each fault, its parts added up, in the table's order."""
    files = [_Rows.model_validate_json(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return [_added_up(list(one.parts.values())) for one in files]


def page_of(rows: Sequence[Row]) -> str:
    """The whole page."""
    faults = [row for row in rows if not row.control]
    controls = [row for row in rows if row.control]
    reasons: dict[str, list[str]] = {}
    for row in faults:
        if row.against:
            reasons.setdefault(row.against, []).append(row.fault)
    why = "\n".join(f"- {'; '.join(names)}: {reason}" for reason, names in reasons.items())
    parts = [INTRODUCTION]
    parts += [f"{table(faults)}\n"] if faults else []
    parts += [f"{CONTROLS}\n{table(controls)}\n"] if controls else []
    parts += [f"{WHY}\n{why}\n"] if why else []
    return "\n".join(parts)


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    lines += [f"| {' | '.join(map(str, _cells(row)))} |" for row in rows]
    return "\n".join(lines)


def _cells(row: Row) -> list[object]:
    fates = row.fates
    counts: list[object] = ["-"] * 7
    if fates is not None:
        counts = [fates.records, fates.lost, fates.doubled, fates.disordered]
        counts += [fates.mistaken, fates.other_windows, fates.degraded]
    recovery = f"{statistics.median(row.recovery_s):.1f}, {max(row.recovery_s):.1f}" if row.recovery_s else "-"
    counted = ", ".join(f"{name}: {count}" for name, count in row.counts.items())
    note = "; ".join(filter(None, (counted, row.note)))
    return [row.fault, row.times, *counts, recovery, f"{row.seconds:.0f}", note or "-"]


def _keep(path: Path, row: Row) -> None:
    known = _Rows.model_validate_json(path.read_text()).parts if row.part and path.exists() else {}
    known.pop("", None)
    # Whoever reads without the lock, as git does, finds a whole file.
    fresh = path.with_suffix(".new")
    fresh.write_text(_Rows(parts=known | {row.part: row}).model_dump_json(indent=1) + "\n")
    fresh.replace(path)


def _added_up(parts: Sequence[Row]) -> Row:
    fates = [one.fates for one in parts if one.fates is not None]
    sums = {
        "times": sum(one.times for one in parts),
        "fates": sum(fates[1:], fates[0]) if fates else None,
        "recovery_s": tuple(second for one in parts for second in one.recovery_s),
        "seconds": sum(one.seconds for one in parts),
        "counts": dict(sum((Counter(one.counts) for one in parts), Counter())),
        "note": "; ".join(dict.fromkeys(one.note for one in parts if one.note)),
    }
    return parts[-1].model_copy(update=sums)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time, of all processes."""
    holder = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(holder)
