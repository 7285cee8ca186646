"""What a rate of messages needs, reckoned from measured parts: `python -m bench.reckon [--rate 10000]`.

Prints the tables of docs/scaling.md. What was measured, and by which command, is `Measured`; what nobody measured is
`Assumed`, and says so in the tables.
"""

import argparse
import math
from dataclasses import dataclass, field

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Measured:
    """Costs of one message on two x86-64 cores, without a GPU.

    Attributes:
        stream_rate: messages a second of one stream process (`python -m bench streams`).
        worker_rate: events a second of one worker process without a model (`python -m bench worker`).
        redis_cpu_us: and the others of one message each (`python -m bench parts`).
        kafka_cpu_us: of one embedded broker with replication 1, transactions included.
        conversation_bytes: Redis' memory of a conversation with `conversation_messages` messages.
        message_bytes: on the broker's disk, as its publisher sent it; requests and events as the services send them.
        calls: to the model a message, policy `calibrated` (`python -m bench depth`, MELD, with sentistream-enzh-37m).
        transaction_cpu_ms: of the broker, for one transaction over three partitions (docs/performance.md).
    """

    stream_rate: float = 9_439
    worker_rate: float = 2_154
    redis_cpu_us: float = 19.3
    kafka_cpu_us: float = 164
    redis_commands: float = 4.37
    redis_bytes: float = 1_043
    conversation_bytes: float = 5_187
    conversation_messages: float = 20
    message_bytes: float = 230
    request_bytes: float = 2_238
    event_bytes: float = 384
    calls: float = 1.03
    transaction_cpu_ms: float = 5.5


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card by its maker's data sheet: dense bfloat16, 10^12 operations a second."""

    name: str
    teraflops: float


@dataclass(frozen=True, slots=True)
class Assumed:
    """What was not measured here; change it to what you know.

    Attributes:
        load: the share of what a part can do that it is given.
        prompt_tokens: of one call, a window of 12 turns included.
        of_peak: the share of a card's peak that prefill reaches in vLLM.
        calls_per_engine: one vLLM engine schedules no more calls a second than this, however small the model.
        broker_megabytes: that one broker writes a second, its share of the replicas included.
        window_days: `WINDOW_TTL_S`, at least the retention of `chat.messages`.
        transaction_ms: from its begin to its end, after `COMMIT_LINGER_MS`.
    """

    load: float = 0.7
    prompt_tokens: float = 250
    of_peak: float = 0.4
    calls_per_engine: float = 1_000
    broker_megabytes: float = 100
    replication: int = 3
    window_days: float = 8
    messages_days: float = 7
    events_days: float = 30
    commit_linger_ms: float = 100
    transaction_ms: float = 10
    models: tuple[tuple[str, float], ...] = (("37 M (ships)", 0.037), ("0.5 B", 0.5), ("1.5 B", 1.5), ("8 B", 8.0))
    gpus: tuple[Gpu, ...] = field(default=(Gpu("L4", 121), Gpu("A100", 312), Gpu("H100", 989)))


def needs(rate: float, measured: Measured, assumed: Assumed) -> list[tuple[str, str, str]]:
    """(part, how many, from what) for so many messages a second."""
    streams = math.ceil(rate / (measured.stream_rate * assumed.load))
    workers = math.ceil(rate / (measured.worker_rate * assumed.load))
    redis_cores = rate * measured.redis_cpu_us / 1e6
    conversations = rate * _DAY_S * assumed.window_days / measured.conversation_messages
    memory = conversations * measured.conversation_bytes
    written = rate * (measured.message_bytes + measured.request_bytes + measured.event_bytes)
    disk = (
        rate
        * _DAY_S
        * assumed.replication
        * (
            (measured.message_bytes + measured.request_bytes) * assumed.messages_days
            + measured.event_bytes * assumed.events_days
        )
    )
    brokers = max(3, math.ceil(written * assumed.replication / (assumed.broker_megabytes * 1e6 * assumed.load)))
    return [
        ("stream processes", f"{streams}", f"{measured.stream_rate:,.0f} messages/s each, measured"),
        ("worker processes, the model apart", f"{workers}", f"{measured.worker_rate:,.0f} events/s each, measured"),
        ("Redis commands/s", f"{rate * measured.redis_commands:,.0f}", f"{measured.redis_commands:.2f} a message"),
        (
            "Redis cores",
            f"{redis_cores:.2f}, in primaries {max(1, math.ceil(redis_cores / assumed.load))}",
            f"{measured.redis_cpu_us:.0f} us a message, measured; one core a primary",
        ),
        ("Redis network", f"{rate * measured.redis_bytes / 1e6:,.0f} MB/s", f"{measured.redis_bytes:,.0f} B a message"),
        (
            f"Redis memory, windows of {assumed.window_days:g} days",
            f"{memory / 1e9:,.0f} GB",
            (
                f"{measured.conversation_bytes:,.0f} B for {measured.conversation_messages:.0f} messages, measured; "
                f"{conversations / 1e6:,.0f} million conversations of that length"
            ),
        ),
        (
            "Kafka, written by clients",
            f"{written / 1e6:,.0f} MB/s",
            f"{measured.message_bytes:,.0f} + {measured.request_bytes:,.0f} + {measured.event_bytes:,.0f} B a message",
        ),
        (
            "Kafka brokers",
            f"{brokers}",
            f"estimate: {assumed.broker_megabytes:.0f} MB/s written each, replication {assumed.replication}",
        ),
        (
            "Kafka's disks, all",
            f"{disk / 1e12:,.0f} TB",
            f"messages and requests {assumed.messages_days:g} days, events {assumed.events_days:g}",
        ),
        (
            "Kafka's CPU",
            f"{rate * measured.kafka_cpu_us / 1e6:.1f} cores, and {assumed.replication - 1} followers",
            f"{measured.kafka_cpu_us:.0f} us a message on one broker, measured",
        ),
    ]


def gpu_rate(billions: float, gpu: Gpu, measured: Measured, assumed: Assumed) -> float:
    """Messages a second of one card, an estimate: prefill by its arithmetic, bounded by what an engine schedules."""
    operations = 2 * billions * 1e9 * assumed.prompt_tokens
    calls = min(gpu.teraflops * 1e12 * assumed.of_peak / operations, assumed.calls_per_engine)
    return calls / measured.calls


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """As Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def with_engines(rate: float, gpu: Gpu, measured: Measured, assumed: Assumed) -> list[tuple[str, ...]]:
    """For each model: a worker a card, and what follows from their number."""
    found: list[tuple[str, ...]] = []
    for name, size in assumed.models:
        workers = math.ceil(rate / gpu_rate(size, gpu, measured, assumed) / assumed.load)
        partitions = 12 * math.ceil(2 * workers / 12)
        transactions = workers * 1000 / (assumed.commit_linger_ms + assumed.transaction_ms)
        cores = transactions * measured.transaction_cpu_ms / 1000
        found.append((name, f"{workers:,}", f"{partitions:,}", f"{transactions:,.0f}", f"{cores:.1f}"))
    return found


def report(rate: float, measured: Measured, assumed: Assumed) -> str:
    """The three tables."""
    cards = [
        (
            name,
            *(
                f"{(each := gpu_rate(size, gpu, measured, assumed)):,.0f}/s: {math.ceil(rate / each / assumed.load):,}"
                for gpu in assumed.gpus
            ),
        )
        for name, size in assumed.models
    ]
    best = assumed.gpus[-1]
    head = ("model", f"workers, one {best.name} each", "partitions", "transactions/s", "brokers' cores for them")
    return "\n\n".join(
        (
            table(("part", f"for {rate:,.0f} messages/s", "from"), list(needs(rate, measured, assumed))),
            table(("model", *(gpu.name for gpu in assumed.gpus)), cards),
            table(head, with_engines(rate, best, measured, assumed)),
        )
    )


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(prog="python -m bench.reckon", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=10_000, help="messages a second")
    print(report(parser.parse_args().rate, Measured(), Assumed()))


if __name__ == "__main__":
    main()
