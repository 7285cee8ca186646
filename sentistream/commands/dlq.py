"""`sentistream dlq`: dead letters, listed, shown, and tried again."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import click
import orjson
from rich.console import Console
from rich.table import Table

from schemas.connections import KafkaSettings, RedisSettings
from schemas.dead_letter import DeadLetterReason
from schemas.topics import TopicNames
from sentistream.commands.up import UpSettings
from sentistream.dead_letters import Attempt, Replayer, StoredLetter, choose, read_letters, replayed_sources
from sentistream.embedded.stack import EmbeddedStack
from sentistream.errors import TopicError
from sentistream.forgetting.topics import messages_topic
from sentistream.options import load, settings_options
from sentistream.publisher import Publisher
from sentistream.start_progress import quiet_unless_asked

_connection_options = settings_options(KafkaSettings, TopicNames, UpSettings)
_reason_option = click.option(
    "--reason",
    type=click.Choice(get_args(DeadLetterReason)),
    envvar="DLQ_REASON",
    show_envvar=True,
    help="Only those of this reason.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
_places = click.argument("places", nargs=-1, metavar="[PARTITION:OFFSET]...")

_WORDS = {
    "replay": "replayed",
    "already_replayed": "not again: it was replayed before",
    "not_readable": "not replayed: still no message",
    "gone": "not replayed: the original is gone",
}


@click.group(name="dlq")
def command() -> None:
    """Look at dead letters and try them again. Message texts are only shown where --show-text asks for them.

    With KAFKA_BOOTSTRAP_SERVERS set, that Kafka is read; else the embedded one of --data is started for the moment.

    \b
    sentistream dlq list --reason not_json
    sentistream dlq show 3:17 --show-text
    sentistream dlq replay --all --dry-run
    """  # noqa: D301 - \b keeps the lines apart
    quiet_unless_asked()


@command.command(name="list")
@_reason_option
@click.option("--limit", type=click.IntRange(min=1), envvar="DLQ_LIMIT", show_envvar=True, help="The latest so many.")
@_json_option
@_connection_options
def list_letters(*, reason: str | None, limit: int | None, as_json: bool, **given: Any) -> None:
    """Every dead letter: where it stands, why it is there, and how many there are of each reason."""
    names = load(TopicNames, given)
    with _kafka(given) as kafka:
        letters = choose(read_letters(kafka, names), (), reason)
    counts = Counter(one.letter.reason for one in letters)
    shown = letters if limit is None else letters[-limit:]
    if as_json:
        click.echo(orjson.dumps({"letters": [_facts(one) for one in shown], "counts": dict(counts)}))
        return
    if shown:
        Console(width=None if Console().is_terminal else 160).print(_table(shown))
    totals = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    click.echo(f"{len(letters)} dead letters{': ' if totals else ''}{totals}")


@command.command(name="show")
@click.argument("place", metavar="PARTITION:OFFSET")
@click.option("--show-text", is_flag=True, help="Print the original bytes too: people's private talk.")
@_connection_options
def show(*, place: str, show_text: bool, **given: Any) -> None:
    """One dead letter's facts, and with --show-text its bytes."""
    with _kafka(given) as kafka:
        one = choose(read_letters(kafka, load(TopicNames, given)), (place,), None)[0]
    for name, value in _facts(one).items():
        click.echo(f"{name:>10}  {value}")
    if show_text:
        click.echo((one.record.value or b"").decode(errors="backslashreplace"))


@command.command(name="replay")
@_places
@_reason_option
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--again", is_flag=True, help="Those too that were replayed before.")
@_json_option
@_connection_options
def replay(
    *,
    places: tuple[str, ...],
    reason: str | None,
    everything: bool,
    dry_run: bool,
    again: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Send messages back through chat.messages as replays: they use their original window and add nothing to it.

    A letter is replayed once: a second run passes it over, unless --again says otherwise. Bytes that are still no
    message stay where they are. An event of a replay says `replay: true` and has the id of the new record.
    """
    if not (places or reason or everything):
        raise click.UsageError("say which: PARTITION:OFFSET, --reason, or --all")
    names = load(TopicNames, given)
    with _kafka(given) as kafka:
        letters = choose(read_letters(kafka, names), places, reason)
        already = set() if again else replayed_sources(kafka, names, letters)
        topic_id = messages_topic(kafka, names).topic_id
        attempts = list(Replayer(kafka, names, topic_id, already).plan(letters))
        if not dry_run:
            _publish(kafka, names, attempts)
    _tell(attempts, dry_run=dry_run, as_json=as_json)


@contextmanager
def _kafka(given: dict[str, Any]) -> Iterator[KafkaSettings]:
    """The Kafka that is named, or the one whose data lies in the folder."""
    kafka = load(KafkaSettings, given)
    if "kafka_bootstrap_servers" in kafka.model_fields_set:
        yield kafka
        return
    settings = load(UpSettings, given)
    if not (settings.data / "kafka").is_dir():
        raise TopicError(
            f"no Kafka to look into: set KAFKA_BOOTSTRAP_SERVERS, or give --data the folder of an earlier run "
            f"(there is none in {settings.data})"
        )
    # Redis is not needed: naming one keeps it from being started.
    redis = RedisSettings(redis_url="redis://unused")
    with EmbeddedStack(
        settings.data, names=load(TopicNames, given), partitions=settings.partitions, kafka=kafka, redis=redis
    ) as stack:
        yield stack.kafka


def _publish(kafka: KafkaSettings, names: TopicNames, attempts: list[Attempt]) -> None:
    publisher = Publisher(kafka, names.messages)
    for attempt in attempts:
        if attempt.outbound is not None:
            publisher.publish(attempt.outbound)
    publisher.flush()


def _tell(attempts: list[Attempt], *, dry_run: bool, as_json: bool) -> None:
    counts = Counter(attempt.outcome for attempt in attempts)
    if as_json:
        rows = [{"place": one.letter.name, "outcome": one.outcome, "detail": one.detail} for one in attempts]
        click.echo(orjson.dumps({"dry_run": dry_run, "attempts": rows, "counts": dict(counts)}))
        return
    for one in attempts:
        words = "would be replayed" if dry_run and one.outcome == "replay" else _WORDS[one.outcome]
        click.echo(f"{one.letter.name:>10}  {one.letter.letter.reason:<18}  {words}  {one.detail}".rstrip())
    click.echo(f"{counts['replay']} {'would be ' if dry_run else ''}replayed, {len(attempts) - counts['replay']} not")


def _facts(one: StoredLetter) -> dict[str, object]:
    letter = one.letter
    return {
        "place": one.name,
        "reason": letter.reason,
        "failed_at": letter.failed_at.isoformat(timespec="seconds"),
        "from": f"{letter.topic} {letter.partition}:{letter.offset}",
        "source": letter.source.event_id if letter.source else None,
        "key": None if one.record.key is None else one.record.key.decode(errors="backslashreplace")[:100],
        "bytes": len(one.record.value or b""),
        "detail": letter.detail,
    }


def _table(letters: list[StoredLetter]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("place", "reason", "failed_at", "from", "bytes", "detail"):
        table.add_column(name, no_wrap=name != "detail")
    for one in letters:
        facts = _facts(one)
        table.add_row(*(str(facts[str(column.header)]) for column in table.columns))
    return table
