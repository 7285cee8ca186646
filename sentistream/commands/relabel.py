"""`sentistream relabel`: what another adapter says of past messages, beside what was said then."""

from datetime import UTC, datetime
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prompts.errors import PromptError
from prompts.settings import PromptSettings, ServedBuilders
from schemas.connections import KafkaSettings
from schemas.topics import Profile, TopicNames, is_pipelines, relabel_topic, topics
from sentistream.errors import SentistreamError, TopicError
from sentistream.options import load, settings_options
from sentistream.start_progress import quiet_unless_asked
from sentistream.topics import create_topics, describe_topics
from trainer.errors import TrainerError
from trainer.feedback.spans import topic_shape
from trainer.registry.settings import RegistrySettings
from trainer.settings import ServingSettings

_SETTINGS = (RegistrySettings, ServingSettings, PromptSettings, KafkaSettings, TopicNames)


class _Time(click.ParamType[datetime]):
    """ISO 8601; without a zone, UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-11-21T08:00 or 2026-11-21T08:00+01:00", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.command(name="relabel")
@click.option(
    "--from", "start", type=_Time(), required=True, help="First time, ISO 8601; UTC unless it says otherwise."
)
@click.option("--to", "end", type=_Time(), required=True, help="Messages of this time and later are left out.")
@click.option("--adapter", required=True, metavar="V|base", help="A version of the registry; base: none.")
@click.option("--topic", help="Where the answers go; left out: emotion.relabels, with TOPIC_PREFIX.")
@click.option(
    "--look-back",
    "look_back_s",
    type=click.FloatRange(min=0),
    help="Seconds before --from that windows are rebuilt from; left out: as far as a prompt can reach, and an hour.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@settings_options(*_SETTINGS)
def command(
    *,
    start: datetime,
    end: datetime,
    adapter: str,
    topic: str | None,
    look_back_s: float | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Answer a past span of chat.messages again, into a topic of its own; emotion.events is only read.

    Times are those that Kafka keeps. Each answer stands beside the old one of the message's event. What the topic holds
    already is not asked again, so that a run that was stopped goes on when it is started again.

    \b
    sentistream relabel --from 2026-11-20 --to 2026-11-21 --adapter 20261121T031500Z-3f2a
    sentistream relabel --from 2026-11-20T08:00+01:00 --to 2026-11-20T09:00+01:00 --adapter base
    """  # noqa: D301 - \b keeps the lines apart
    quiet_unless_asked()
    kafka, names = load(KafkaSettings, given), load(TopicNames, given)
    serving, registry = load(ServingSettings, given), load(RegistrySettings, given)
    target = topic or names.relabels
    if is_pipelines(target):
        raise TopicError(f"{target} is one of the topics of the pipeline: give --topic another name")
    # torch and transformers take a while to import: the help shall not wait for them.
    from trainer.gate.answers import Serving
    from trainer.registry.store import Registry
    from trainer.relabel import Relabeller, RelabelOptions
    from trainer.watch.adapters import ready

    try:
        builders = ServedBuilders(load(PromptSettings, given))
        version = None if adapter == "base" else adapter
        asked = Serving(serving.sanm_policy, serving.sanm_rounds)
        with ready(builders, Registry(registry.registry_address), version, asked) as answerer:
            _make_topic(kafka, names, target)
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("relabelling", total=None)
                summary = Relabeller(
                    kafka,
                    names,
                    builders.of,
                    answerer,
                    RelabelOptions(start, end, target, look_back_s),
                    lambda done, total: bar.update(task, advance=done, total=total),
                ).run()
    except (TrainerError, PromptError) as error:
        raise SentistreamError(str(error)) from error
    facts = {
        "topic": target,
        "adapter": adapter,
        "spans": [one.model_dump() for one in summary.spans],
        "written": summary.written,
        "already": summary.already,
        "changed": summary.changed,
        "unreadable": summary.unreadable,
        "no_event": summary.no_event,
        "other_prompt": summary.other_prompt,
    }
    if as_json:
        changes = [{"old": old, "new": new, "messages": n} for (old, new), n in summary.changes.most_common()]
        click.echo(orjson.dumps({**facts, "changes": changes}).decode())
        return
    _tell(facts, summary.changes.most_common())


def _make_topic(kafka: KafkaSettings, names: TopicNames, target: str) -> None:
    """Make the topic like chat.messages, if it is missing."""
    # Says what lacks where this login may not see it.
    topic_shape(kafka, names.messages)
    (messages,) = (one for one in topics(names, "embedded", 1) if one.name == names.messages)
    (state,) = describe_topics(kafka, [messages])
    if state.partitions is None:
        raise TopicError(f"missing topics: {names.messages}. `sentistream topics create` makes them.")
    profile: Profile = "production" if state.replication > 1 else "embedded"
    like = relabel_topic(names, profile, state.partitions)
    create_topics(kafka, [type(like)(target, like.partitions, state.replication, like.config)])


def _tell(facts: dict[str, Any], changes: list[tuple[tuple[str, str], int]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("before", "now", "messages"):
        table.add_column(name, justify="right" if name == "messages" else "left")
    for (old, new), count in changes:
        table.add_row(old, new if new != old else "the same", str(count))
    if changes:
        Console(width=None if Console().is_terminal else 100).print(table)
    click.echo(
        f"{facts['written']} written to {facts['topic']} with adapter {facts['adapter']}, {facts['changed']} changed; "
        f"{facts['already']} were there, {facts['no_event']} have no event, {facts['unreadable']} are no message"
    )
    if facts["other_prompt"]:
        click.echo(
            f"{facts['other_prompt']} were asked with another prompt than then (same_prompt is false): try "
            "--look-back, and compare MODEL, TAXONOMY, PROMPT_PARTS, HISTORY_TURNS and SESSION_GAP_S with the stream's"
        )
