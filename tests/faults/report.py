"""What each fault came to, as a table."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.checker import Fates

#: `make soak` names the file that the tables go to.
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
)
_INTRODUCTION: Final = """\
# What was broken, and what came of it

Written by `make soak`: real Kafka and Redis, the scripted engine, two streams and two workers, 9 partitions, up to 500
conversations, session time-outs of 6 s, and always some hundred messages in hand when something is killed. What is
killed is started again at once or, one time in three, only after its session has timed out, so that the other replica
takes over. At named points (`streams/faultpoints.py`, `worker/faultpoints.py`) a process ends itself, both kinds of
service in one run; in brackets, how often each. Frozen processes are stopped there and go on when others have taken
over. Emptied: Redis comes back without its file. One record in a hundred is malformed.

A `read_committed` reader then compares every record of `chat.messages` with what came out of it. *Lost*: neither event
nor dead letter. *Doubled*: a second one. *Out of order*: an event before that of an earlier message of its
conversation. *Mistaken*: a dead letter for a good record, an event for a broken one, another record's content. *Other
windows*: the prompt's hash is not that of an offline replay of the topic. *Degraded*: the event says that its window
may lack turns. *Recovery*: from a service's death until all that had been published before it has its event or dead
letter; where the next one dies meanwhile, that is in it.
"""
_CONTROLS: Final = """
## Negative controls

One stream and one worker with one protection taken away: the checker must see it, and the tests assert that it does.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line; a control is a line of the second table."""

    fault: str
    times: int
    fates: Fates
    recovery_median_s: float = 0.0
    recovery_longest_s: float = 0.0
    seconds: float = 0.0
    control: bool = False


class Report:
    """Prints each row as it comes, and keeps the file of `make soak` up to date."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._path = os.environ.get(REPORT)

    def add(self, row: Row) -> Row:
        """One more."""
        self.rows.append(row)
        print(f"\n{table([row])}")  # noqa: T201 -- with -s, or in the soak's output
        if self._path:
            Path(self._path).write_text(self._text())
        return row

    def _text(self) -> str:
        faults = [row for row in self.rows if not row.control]
        controls = [row for row in self.rows if row.control]
        text = f"{_INTRODUCTION}\n{table(faults)}\n" if faults else _INTRODUCTION
        return f"{text}{_CONTROLS}\n{table(controls)}\n" if controls else text


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for row in rows:
        fates = row.fates
        recovery = f"{row.recovery_median_s:.1f}, {row.recovery_longest_s:.1f}" if row.recovery_longest_s else "-"
        cells = (
            row.fault,
            row.times,
            fates.records,
            fates.lost,
            fates.doubled,
            fates.disordered,
            fates.mistaken,
            fates.other_windows,
            fates.degraded,
            recovery,
            f"{row.seconds:.0f}",
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
