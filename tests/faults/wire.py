"""Requests and answers that get lost between the workers and the broker while the pipeline works."""

import random
import time
from typing import Final

from prompts.parts import PartsBuilder
from tests.faults.campaign import endure
from tests.faults.kafka_proxy import END_TXN, KafkaProxy, Lost, Wire
from tests.faults.marks import Marks
from tests.faults.pipeline import DEADLINE_S, Pipeline
from tests.faults.report import Row
from tests.faults.traffic import Traffic
from tests.waiting import wait_for

#: An answer that does not come counts as lost for good after one wait of librdkafka, which is 5 s.
IMPATIENT: Final = "3"
_WORDS: Final = {"cut": "the connection reset", "silent": "silence, so that the outcome is unknown"}
_NUMBERS: Final = {("answer", "cut"): 30, ("answer", "silent"): 31, ("request", "cut"): 32, ("request", "silent"): 33}
_AGAINST: Final = (
    "a worker that takes an unknown outcome for committed loses records, and one that takes it for aborted doubles them"
)


class WireLosses:
    """The ends of transactions get lost, one after the other, at points of the progress."""

    def __init__(self, proxy: KafkaProxy, lost: Lost, wire: Wire, *, times: int, records: int) -> None:
        self._proxy = proxy
        self._lost = lost
        self._wire = wire
        self._marks = Marks(times, records)
        self._asked = 0
        self._seen = 0

    @property
    def over(self) -> bool:
        return not self._marks and len(self._proxy.struck_at) == self._asked

    def strike(self, done: int) -> int:
        if self._marks.due(done) and len(self._proxy.struck_at) == self._asked:
            self._marks.strike()
            self._asked += 1
            self._proxy.lose(END_TXN, self._lost, self._wire)
        struck, self._seen = len(self._proxy.struck_at) - self._seen, len(self._proxy.struck_at)
        return struck


def lose_ends(
    one: Pipeline,
    builder: PartsBuilder,
    draw: random.Random,
    proxy: KafkaProxy,
    what: tuple[Lost, Wire],
    *,
    records: int,
    times: int,
) -> Row:
    """A stream, and two workers behind the proxy."""
    one.add_stream(1)
    for number in (1, 2):
        one.add_worker(number, KAFKA_BOOTSTRAP_SERVERS=proxy.address, KAFKA_DEADLINE_SECONDS=IMPATIENT)
    lost, wire = what
    name = f"{lost} of a transaction's end lost on the wire, {_WORDS[wire]}"
    row = Row(id=f"{_NUMBERS[what]}-end-{lost}-{wire}", fault=name, times=0, against=_AGAINST)
    found = endure(one, builder, WireLosses(proxy, lost, wire, times=times, records=records), draw, row, records)
    unknown = sum(
        one_of.log.read_text(errors="replace").count("transaction_outcome_unknown") for one_of in one.services
    )
    note = f"outcomes unknown: {unknown}; processes that ended: {one.deaths}"
    return found.model_copy(update={"times": len(proxy.struck_at), "note": note})


def lose_one_end(
    one: Pipeline, draw: random.Random, proxy: KafkaProxy, lost: Lost, careless: str, *, records: int
) -> Row:
    """A stream and a careless worker behind the proxy, and one loss; returns before all is checked."""
    one.add_stream(1)
    one.add_worker(1, careless=careless, KAFKA_BOOTSTRAP_SERVERS=proxy.address, KAFKA_DEADLINE_SECONDS=IMPATIENT)
    traffic = Traffic(one.rig, one.partitions, seed=draw.randrange(2**31), conversations=12)
    proxy.lose(END_TXN, lost, "silent")
    began = time.monotonic()
    one.start_all()
    traffic.publish(records)
    wait_for(lambda: bool(proxy.struck_at), f"the loss\n{one.logs()}", DEADLINE_S)
    traffic.close()
    one.stop()
    return Row(
        id=f"30-control-{careless}",
        fault=f"an unknown outcome counts as {'committed' if careless == 'believe' else 'aborted'}; {lost} lost",
        times=1,
        seconds=time.monotonic() - began,
        control=True,
    )
