"""Throughput of 1, 2, 4 and 8 worker processes on one topic of 48 partitions, beside one of them.

`python -m bench scale` starts a Kafka of its own and real `sentistream worker` processes. The scripted engine answers
as slowly as a GPU does, and few requests are in flight, so that the engine bounds a worker and not this machine. Each
run says how many cores it took; where they are all taken, the machine has ended and not the design. The last two runs
take that bound away and show what a core does. `BENCH_SCALE=1x16,2x16` (workers x in flight) measures some of them.
"""

import http.client
import os
import secrets
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.cpu import cpu_seconds
from bench.figures import Figure, print_table, say, working
from bench.worker import publish_requests
from prompts.profile import SHIPPED_MODEL, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.embedded.ports import kept_ports
from sentistream.services import Service
from sentistream.topics import create_topics

PARTITIONS = 48
#: Workers, and requests in flight in each.
LOADS: tuple[tuple[int, int], ...] = ((1, 16), (2, 16), (4, 16), (8, 16), (1, 8), (8, 8), (1, 256), (2, 256))
DELAY_S = 0.08
LINGER_MS = 100
_WARM_S = 4.0
_MEASURED_S = 12.0
_START_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """What so many workers did in the measured seconds.

    Attributes:
        rates: events a second of each worker.
        transactions: a second, of all.
        transaction_s: the mean length of one; its worker takes nothing meanwhile.
        cpu: cores that each part took.
    """

    rates: tuple[float, ...]
    transactions: float
    transaction_s: float
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Events a second of all."""
        return sum(self.rates)


def measure() -> list[Figure]:
    """One after another; each on topics of its own."""
    loads = LOADS
    if given := os.environ.get("BENCH_SCALE"):
        loads = tuple((int(size), int(flight)) for size, flight in (one.split("x") for one in given.split(",")))
    with tempfile.TemporaryDirectory(prefix="sentistream-bench-") as name:
        folder = Path(name)
        with EmbeddedKafka(folder / "kafka") as kafka:
            runs = {load: _run(*load, kafka.bootstrap_servers, folder / "x".join(map(str, load))) for load in loads}
    return [_figure(load, run, runs) for load, run in runs.items()]


def _figure(load: tuple[int, int], run: Run, runs: dict[tuple[int, int], Run]) -> Figure:
    size, flight = load
    alone = runs.get((1, flight))
    baseline = alone.rate * size if alone else None
    parts = ", ".join(f"{part} {1e6 * used / run.rate:.0f}" for part, used in run.cpu.items() if used > 0.01)
    return Figure(
        row="scale",
        what=f"{size} worker{'s' if size > 1 else ''}, {flight} in flight, {DELAY_S * 1000:.0f} ms a call",
        value=run.rate,
        unit="events/s",
        baseline=baseline,
        ratio=run.rate / baseline if baseline else None,
        note=f"each {min(run.rates):.0f} - {max(run.rates):.0f} of {flight / DELAY_S:.0f} possible; "
        f"{run.transactions:.0f} transactions/s of {run.rate / run.transactions:.1f} events, "
        f"{1000 * run.transaction_s:.0f} ms each; CPU us an event: {parts}; "
        f"{sum(run.cpu.values()):.2f} of {psutil.cpu_count()} cores",
    )


def _run(size: int, flight: int, bootstrap: str, folder: Path) -> Run:
    folder.mkdir()
    names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
    create_topics(KafkaSettings(kafka_bootstrap_servers=bootstrap), topics(names, "embedded", PARTITIONS))
    tokenizer = PromptTokenizer(find_model(SHIPPED_MODEL)).sha256
    ports = kept_ports(folder / "ports.json", size)
    with ExitStack() as stack:
        workers = []
        for index, port in enumerate(ports):
            place = folder / f"worker-{index}"
            place.mkdir()
            environment = _environment(names, bootstrap, index) | {
                "METRICS_PORT": str(port),
                "MAX_IN_FLIGHT": str(flight),
            }
            worker = Service("worker", "sentistream_worker_partitions", port, place, environment)
            stack.callback(worker.stop)
            workers.append(worker)
        with working(f"{size} workers, {flight} in flight: start"):
            _wait_until_shared(workers, ports)
        # Half more than they can do at best, so that none runs dry; more than a core does is never needed.
        count = int(1.5 * min(flight / DELAY_S, 2_000) * size * (_WARM_S + _MEASURED_S))
        publish_requests(names, bootstrap, tokenizer, count, PARTITIONS)
        time.sleep(_WARM_S)
        run = _watch(ports)
        for worker in workers:
            worker.check()
    say(f"  {size} workers {run.rate:8.0f} events/s, {sum(run.cpu.values()):.2f} cores")
    return run


def _environment(names: TopicNames, bootstrap: str, index: int) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "TOPIC_PREFIX": names.topic_prefix,
        "WORKER_GROUP": names.topic_prefix,
        "WORKER_ID": f"worker-{index}",
        "METRICS_HOST": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "ENGINE": "scripted",
        "SCRIPTED_DELAY_SECONDS": str(DELAY_S),
        "COMMIT_LINGER_MS": str(LINGER_MS),
        "SANM_POLICY": "one-pass",
        "STOP_SECONDS": "0",
    }


def _wait_until_shared(workers: list[Service], ports: Sequence[int]) -> None:
    """Until every worker has its share of the partitions; they come one by one, and each moves some."""
    deadline = time.monotonic() + _START_DEADLINE_S
    share = PARTITIONS // len(ports)
    while True:
        for worker in workers:
            worker.check()
        if all(metrics_of(port).get("sentistream_worker_partitions") == share for port in ports):
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(ports)} workers did not share {PARTITIONS} partitions evenly in time")
        time.sleep(0.5)


def _watch(ports: Sequence[int]) -> Run:
    began, before, used = time.monotonic(), [metrics_of(port) for port in ports], cpu_seconds()
    time.sleep(_MEASURED_S)
    seconds, after, spent = time.monotonic() - began, [metrics_of(port) for port in ports], cpu_seconds()

    def rates(name: str) -> tuple[float, ...]:
        return tuple((new[name] - old[name]) / seconds for new, old in zip(after, before, strict=True))

    return Run(
        rates("sentistream_worker_events_total"),
        sum(rates("sentistream_worker_transactions_total")),
        sum(rates("sentistream_worker_transaction_seconds_sum"))
        / sum(rates("sentistream_worker_transaction_seconds_count")),
        {part: (spent[part] - used[part]) / seconds for part in spent},
    )


def metrics_of(port: int) -> dict[str, float]:
    """Every sample's value; those that differ by their labels only are added up. Empty before the port answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


if __name__ == "__main__":
    print_table(measure())
