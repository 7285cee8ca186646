"""One run: messages keep coming, things are killed, and at the end each record is accounted for."""

import random
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from prompts.parts import PartsBuilder
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from streams.intake import FAILED as STREAM_FAILED
from tests.faults.checker import check
from tests.faults.harm import FROZEN_S, BrokerOutages, Fault, PointFreezes, PointKills, RandomKills, StoreKills
from tests.faults.pipeline import DEADLINE_S, STREAM_POINTS, WORKER_POINTS, Pipeline
from tests.faults.report import Row
from tests.faults.traffic import Place, Traffic
from worker.errors import ExitCode

#: Work in hand at any moment, so that a kill always meets some.
_BACKLOG: Final = 600
_PORTION: Final = 100
_NO_WATERMARK: Final = (
    "without the watermark records are doubled, with a mark of the highest offset seen they are lost, and with an "
    "acknowledgement before the send they are lost too (the table of negative controls)"
)
_ZOMBIE: Final = (
    "a worker whose offsets are not bound to its group's generation writes as a zombie and doubles records; what a "
    "stream sends as a zombie is doubled without the worker's watermark"
)
_NO_BROKER: Final = (
    "no control of its own: what protects here are the same watermark and the same reading back of committed offsets "
    "as for killed processes and for lost answers to a commit, whose controls are in the table"
)


@dataclass(slots=True)
class _Recovery:
    """From each blow until all that was published before it has its fate."""

    seconds: list[float] = field(default_factory=list)
    _waiting: list[tuple[float, set[Place]]] = field(default_factory=list)

    def struck(self, at: float, waiting: set[Place]) -> None:
        self._waiting.append((at, waiting))

    def note(self, done: set[Place]) -> None:
        for one in [one for one in self._waiting if one[1] <= done]:
            self._waiting.remove(one)
            self.seconds.append(time.monotonic() - one[0])


def _gone_on_s(traffic: Traffic, blows: Sequence[float]) -> tuple[float, ...]:
    """From each blow until something comes of a message that was published after it: all parts work again."""
    return tuple(
        min(seen for place, seen in traffic.done_at.items() if traffic.published_at[place] > blow) - blow
        for blow in blows
    )


def kill_at_random(
    one: Pipeline, builder: PartsBuilder, draw: random.Random, *, records: int, times: int, part: str = ""
) -> Row:
    """Two streams and two workers."""
    one.add_two_of_each()
    row = Row(id="10-kill-random", part=part, fault="SIGKILL at random moments", times=0, against=_NO_WATERMARK)
    fault = RandomKills(one, times, records, draw)
    row = endure(one, builder, fault, draw, row, records)
    return row.model_copy(update={"counts": dict(fault.counts)})


def kill_at_points(
    one: Pipeline, builder: PartsBuilder, draw: random.Random, points: Sequence[str], *, records: int
) -> Row:
    """Two streams and two workers, which kill themselves at each of the points in turn."""
    stream_points = deque(point for point in points if point in STREAM_POINTS)
    worker_points = deque(point for point in points if point in WORKER_POINTS)
    for number in (1, 2):
        one.add_stream(number, stream_points)
        one.add_worker(number, worker_points)
    names = ", ".join(f"{point} ({count})" for point, count in Counter(points).items())
    which = "-".join(Counter(points)).replace("_", "-")
    row = Row(id=f"11-kill-{which}", fault=f"SIGKILL {names}", times=0, against=_NO_WATERMARK)
    return endure(one, builder, PointKills(one, len(points)), draw, row, records)


def freeze_at_points(
    one: Pipeline, builder: PartsBuilder, draw: random.Random, *, records: int, times_each: int
) -> Row:
    """Two streams and two workers, each of which is frozen again and again at a point of its own.

    Longer than the session time-out, so that each wakes up with work in hand that is not its own any more;
    `times_each` is of the streams together, and of the workers together, at least.
    """
    # A worker that wakes up may be fenced by its own second attempt to join; it ends, and is started again.
    one.deadly |= {STREAM_FAILED, int(ExitCode.FENCED)}
    freeze = ("SIGSTOP", str(times_each // 2))
    points = ("after_window", "after_send", "after_produce", "before_commit")
    for number in (1, 2):
        of_stream, of_worker = (deque([point] * times_each) for point in points[number - 1 :: 2])
        one.add_stream(number, of_stream, breakable=("tests.faults.stream_child", *freeze))
        one.add_worker(number, of_worker, fault=freeze)
    fault = PointFreezes(one, times_each)
    name = f"SIGSTOP for {FROZEN_S:.0f} s at {', '.join(points)}, then SIGCONT"
    row = endure(one, builder, fault, draw, Row(id="20-freeze", fault=name, times=0, against=_ZOMBIE), records)
    note = ", ".join(f"{kind}s {times}" for kind, times in sorted(fault.thawed.items()))
    return row.model_copy(update={"times": fault.thawed.total(), "note": note})


def lose_broker(
    one: Pipeline,
    builder: PartsBuilder,
    draw: random.Random,
    kafka: EmbeddedKafka,
    *,
    records: int,
    times: int,
    clean: bool,
) -> Row:
    """Two streams and two workers, whose only broker goes away again and again."""
    # A broker that comes back may count a worker's second attempt to join as another process (fenced).
    one.deadly |= {STREAM_FAILED, int(ExitCode.KAFKA), int(ExitCode.FENCED)}
    one.add_two_of_each()
    name = "broker stopped clean, under load" if clean else "broker SIGKILL, under load"
    row = Row(id="26-broker-stopped" if clean else "27-broker-killed", fault=name, times=0, against=_NO_BROKER)
    fault = BrokerOutages(kafka, draw, times=times, records=records, clean=clean)
    row = endure(one, builder, fault, draw, row, records)
    median, longest = statistics.median(row.gone_on_s), max(row.gone_on_s)
    note = (
        f"first event of a message published after the blow: {median:.1f} s (median), {longest:.1f} s (longest); "
        f"services that ended and were started again: {one.deaths}"
    )
    return row.model_copy(update={"times": times, "note": note})


def kill_stores(
    one: Pipeline,
    builder: PartsBuilder,
    draw: random.Random,
    stores: tuple[EmbeddedKafka, EmbeddedRedis],
    *,
    records: int,
    times: int,
) -> Row:
    """Two streams and two workers, which lose Kafka and Redis under their feet; they may end, and are started again."""
    # A broker that comes back may count a worker's second attempt to join as another process (fenced).
    one.deadly |= {STREAM_FAILED, int(ExitCode.KAFKA), int(ExitCode.FENCED)}
    one.add_two_of_each()
    fault = StoreKills(one, *stores, times, records)
    row = endure(one, builder, fault, draw, Row(id="39-stores", fault="", times=0, against=_NO_BROKER), records)
    name = ", ".join(f"{kind} ({count})" for kind, count in fault.struck.items())
    return row.model_copy(update={"fault": name, "times": fault.struck.total()})


def endure(
    one: Pipeline,
    builder: PartsBuilder,
    fault: Fault,
    draw: random.Random,
    row: Row,
    records: int,
    *,
    backlog: int = _BACKLOG,
    platform: Callable[..., Traffic] = Traffic,
) -> Row:
    """Publish at least so many records, and more until the fault is over; wait until all is quiet, and check.

    Returns:
        The row, with what came of it.
    """
    began = time.monotonic()
    conversations = min(500, records // 30)
    traffic = platform(one.rig, one.partitions, seed=draw.randrange(2**31), conversations=conversations)
    recovery = _Recovery()
    one.start_all()
    moved_at, most = time.monotonic(), 0
    while len(traffic.published) < records or not fault.over or traffic.waiting:
        wanted = len(traffic.published) < records or not fault.over
        if wanted and len(traffic.published) - len(traffic.done) < backlog:
            traffic.publish(_PORTION)
        traffic.follow(0.05)
        at = time.monotonic()
        for _ in range(fault.strike(len(traffic.done)) + one.tend()):
            recovery.struck(at, traffic.waiting)
        recovery.note(traffic.done)
        if len(traffic.done) > most:
            moved_at, most = time.monotonic(), len(traffic.done)
        assert time.monotonic() - moved_at < DEADLINE_S, f"{most} of {len(traffic.published)} done:\n{one.logs()}"
    traffic.close()
    one.stop(traffic.published)
    fates = check(one.rig, builder, one.partitions)
    found = {"times": one.deaths, "fates": fates, "seconds": time.monotonic() - began}
    blows = fault.blows if isinstance(fault, BrokerOutages) else ()
    times = {"recovery_s": tuple(recovery.seconds), "gone_on_s": _gone_on_s(traffic, blows)}
    return row.model_copy(update=found | times)
