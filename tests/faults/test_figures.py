"""What `make soak` last wrote: each fault as often as was asked for, nothing found, and what would have shown it."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.faults.pipeline import STREAM_POINTS, WORKER_POINTS
from tests.faults.report import Row, page_of, read_rows

PAGE: Final = Path(__file__).parents[2] / "docs/faults.md"
ROWS: Final = {row.id: row for row in read_rows(PAGE.with_suffix(""))}
FAULTS: Final = {name: row for name, row in ROWS.items() if not row.control}
#: How often at least.
LEAST: Final = {
    "10-kill-random": 100,
    "20-freeze": 20,
    "26-broker-stopped": 5,
    "27-broker-killed": 5,
    "30-end-answer-cut": 10,
    "31-end-answer-silent": 10,
    "32-end-request-cut": 10,
    "33-end-request-silent": 10,
    "36-take-over": 5,
    "40-redis-killed": 5,
    "41-redis-restarted": 5,
    "42-redis-flushall": 5,
    "43-redis-away": 5,
    "44-redis-read-only": 5,
    "45-redis-flushall-short": 5,
    "50-engine-hangs": 5,
    "51-engine-errors": 5,
    "52-engine-slow": 5,
    "53-engine-dies": 5,
    "54-engine-refuses": 5,
    "55-engine-ends": 5,
    "56-engine-memory": 1,
    "60-malformed-1": 1,
    "61-malformed-50": 1,
    "62-refused-stream": 1,
    "62-refused-worker": 1,
    "63-replay-twice": 2,
    "64-disk-full": 1,
    "65-clock": 1,
    "66-memory-stream": 1,
    "66-memory-worker": 1,
    "68-platform-aborts": 1,
    "70-stops": 50,
    "72-vllm-killed": 10,
}
#: Of these alone other windows are expected, and must say so.
DEGRADED: Final = {"45-redis-flushall-short"}


@pytest.mark.parametrize(("name", "times"), LEAST.items())
def test_a_fault_was_tried_often_enough(name: str, times: int) -> None:
    assert FAULTS[name].times >= times


@pytest.mark.parametrize("point", [*STREAM_POINTS, *WORKER_POINTS])
def test_each_named_point_was_met_by_twenty_kills(point: str) -> None:
    (row,) = [row for row in FAULTS.values() if f"{point} (20)" in row.fault and row.id.startswith("11-kill-")]
    assert row.times == 20 * row.fault.count("(20)")


def test_long_runs_were_long_enough() -> None:
    random_kills = FAULTS["10-kill-random"].fates
    assert random_kills is not None
    assert random_kills.records >= 100_000
    assert FAULTS["24-storm"].seconds >= 300
    for name in ("26-broker-stopped", "27-broker-killed"):
        found = FAULTS[name].gone_on_s
        assert len(found) >= 5, name
        assert max(found) < 60, name


@pytest.mark.parametrize("row", FAULTS.values(), ids=FAULTS)
def test_nothing_was_found_and_the_row_says_how_it_would_have_been(row: Row) -> None:
    assert row.against
    if row.fates is None:
        assert row.id == "63-replay-twice"
    elif row.id in DEGRADED:
        assert row.fates.undeclared == 0
        assert replace(row.fates, other_windows=0, degraded=0).clean
    else:
        assert row.clean


def test_the_page_holds_what_the_files_do() -> None:
    assert PAGE.read_text() == page_of(list(ROWS.values()))
