"""Throughput of 1, 2, 4 and 8 worker processes on one topic of 48 partitions, beside one of them.

`python -m bench scale` starts a Kafka of its own and real `sentistream worker` processes. The scripted engine answers as
slowly as a GPU does, and few requests are in flight, so that the engine bounds a worker and not this machine's cores:
what is measured is the group, the transactions and the broker. Each run says how many cores it took; where they are all
taken, the machine has ended and not the design. `BENCH_SCALE=1,2` measures some of the sizes, for less time.
"""

import http.client
import os
import secrets
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.cpu import cpu_seconds
from bench.figures import Figure, print_table, say, working
from bench.worker import publish_requests
from prompts.profile import find_model
from prompts.tokenizer import PromptTokenizer
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.embedded.ports import kept_ports
from sentistream.services import Service
from sentistream.topics import create_topics

PARTITIONS = 48
SIZES = (1, 2, 4, 8)
IN_FLIGHT = 16
DELAY_S = 0.08
LINGER_MS = 100
#: What one worker can do at most: each place in flight is taken for the delay.
BOUND = IN_FLIGHT / DELAY_S
_WARM_S = 4.0
_MEASURED_S = 12.0
_START_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """What so many workers did in the measured seconds.

    Attributes:
        rates: events a second of each worker.
        transactions: a second, of all.
        cpu: cores that each part took.
    """

    rates: tuple[float, ...]
    transactions: float
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Events a second of all."""
        return sum(self.rates)


def measure() -> list[Figure]:
    """One after another; each on topics of its own."""
    sizes = [int(one) for one in os.environ.get("BENCH_SCALE", ",".join(map(str, SIZES))).split(",")]
    with tempfile.TemporaryDirectory(prefix="sentistream-bench-") as name:
        folder = Path(name)
        with EmbeddedKafka(folder / "kafka") as kafka:
            runs = {size: _run(size, kafka.bootstrap_servers, folder / str(size)) for size in sizes}
    base = runs[min(runs)]
    one = base.rate / min(runs)
    return [_figure(size, run, one) for size, run in runs.items()]


def _figure(size: int, run: Run, one: float) -> Figure:
    cores = sum(run.cpu.values())
    parts = ", ".join(f"{part} {1e6 * used / run.rate:.0f}" for part, used in run.cpu.items() if used / run.rate > 1e-6)
    return Figure(
        row="scale",
        what=f"{size} worker{'s' if size > 1 else ''}, {IN_FLIGHT} in flight, {DELAY_S * 1000:.0f} ms a call",
        value=run.rate,
        unit="events/s",
        baseline=one * size,
        ratio=run.rate / (one * size),
        note=f"each {min(run.rates):.0f} - {max(run.rates):.0f} of {BOUND:.0f} possible; {run.transactions:.0f} "
        f"transactions/s of {run.rate / run.transactions:.1f} events; CPU us an event: {parts}; {cores:.2f} of "
        f"{psutil.cpu_count()} cores",
    )


def _run(size: int, bootstrap: str, folder: Path) -> Run:
    folder.mkdir()
    names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
    create_topics(KafkaSettings(kafka_bootstrap_servers=bootstrap), topics(names, "embedded", PARTITIONS))
    model = find_model("sentistream-en-22m")
    ports = kept_ports(folder / "ports.json", size)
    with ExitStack() as stack:
        workers = []
        for index, port in enumerate(ports):
            place = folder / f"worker-{index}"
            place.mkdir()
            worker = Service(
                "worker", "sentistream_worker_partitions", port, place, _environment(names, bootstrap, index, port)
            )
            stack.callback(worker.stop)
            workers.append(worker)
        with working(f"{size} workers: start"):
            _wait_until_shared(workers, ports)
        # Half more than they can do at best, so that none runs dry.
        count = int(1.5 * BOUND * size * (_WARM_S + _MEASURED_S))
        publish_requests(names, bootstrap, PromptTokenizer(model).sha256, count, PARTITIONS)
        time.sleep(_WARM_S)
        run = _watch(ports)
        for worker in workers:
            worker.check()
    say(f"  {size} workers {run.rate:8.0f} events/s, {sum(run.cpu.values()):.2f} cores")
    return run


def _environment(names: TopicNames, bootstrap: str, index: int, port: int) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "TOPIC_PREFIX": names.topic_prefix,
        "WORKER_GROUP": names.topic_prefix,
        "WORKER_ID": f"worker-{index}",
        "METRICS_HOST": "127.0.0.1",
        "METRICS_PORT": str(port),
        "LOG_LEVEL": "WARNING",
        "ENGINE": "scripted",
        "SCRIPTED_DELAY_SECONDS": str(DELAY_S),
        "MAX_IN_FLIGHT": str(IN_FLIGHT),
        "COMMIT_LINGER_MS": str(LINGER_MS),
        "SANM_POLICY": "one-pass",
        "STOP_SECONDS": "0",
    }


def _wait_until_shared(workers: list[Service], ports: list[int]) -> None:
    """Until every worker has its share of the partitions; they come one by one, and each moves some."""
    deadline = time.monotonic() + _START_DEADLINE_S
    share = PARTITIONS // len(ports)
    while True:
        for worker in workers:
            worker.check()
        if all(_metrics(port).get("sentistream_worker_partitions") == share for port in ports):
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(ports)} workers did not share {PARTITIONS} partitions evenly in time")
        time.sleep(0.5)


def _watch(ports: list[int]) -> Run:
    began, before, used = time.monotonic(), [_metrics(port) for port in ports], cpu_seconds()
    time.sleep(_MEASURED_S)
    seconds, after, spent = time.monotonic() - began, [_metrics(port) for port in ports], cpu_seconds()

    def rates(name: str) -> tuple[float, ...]:
        return tuple((new[name] - old[name]) / seconds for new, old in zip(after, before, strict=True))

    return Run(
        rates("sentistream_worker_events_total"),
        sum(rates("sentistream_worker_transactions_total")),
        {part: (spent[part] - used[part]) / seconds for part in spent},
    )


def _metrics(port: int) -> dict[str, float]:
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
