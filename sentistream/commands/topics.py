"""`sentistream topics`: list, create, describe and check the topics of a deployment."""

from typing import Any

import click
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.connections import KafkaSettings
from schemas.topics import Profile, Topic, TopicNames, topics
from sentistream.errors import TopicError
from sentistream.options import load, settings_options
from sentistream.topics import TopicState, check_equal_partitions, create_topics, describe_topics
from streams.settings import StreamsSettings


class TopicsSettings(BaseSettings):
    """What the topics should be like."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    partitions: int = Field(default=6, ge=1, le=1000, description="Partitions of each main topic.")
    topic_profile: Profile = Field(
        default="production", description="Replication 3 and min.insync.replicas 2, or one replica."
    )


_options = settings_options(TopicsSettings, KafkaSettings, TopicNames)


@click.group(name="topics")
def command() -> None:
    """Make and check the topics."""


@command.command(name="list")
@_options
def list_topics(**given: Any) -> None:
    """Every topic of this deployment, with its partitions."""
    for state in _states(given):
        click.echo(f"{state.wanted.name:32} {'missing' if state.partitions is None else state.partitions}")


@command.command(name="create")
@_options
def create(**given: Any) -> None:
    """Make the topics that are missing; those that exist are left as they are."""
    made = create_topics(load(KafkaSettings, given), _wanted(given))
    for name in made:
        click.echo(f"created {name}")
    if not made:
        click.echo("all topics exist")


@command.command(name="describe")
@_options
def describe(**given: Any) -> None:
    """Every topic's settings as they are, and where they differ from what this deployment wants."""
    for state in _states(given):
        click.echo(f"{state.wanted.name}  partitions={state.partitions} replication={state.replication}")
        for name, value in state.config.items():
            click.echo(f"    {name}={value}")
        for difference in state.differences:
            click.echo(f"  ! {difference}")


@command.command(name="check")
@_options
def check(**given: Any) -> None:
    """Exit with 1 if a topic is missing, or if the main topics' partition counts differ."""
    states = _states(given)
    missing = [state.wanted.name for state in states if state.partitions is None]
    if missing:
        raise TopicError(f"missing topics: {', '.join(missing)}. `sentistream topics create` makes them.")
    partitions = check_equal_partitions(states, load(TopicNames, given))
    click.echo(f"all topics exist; the main ones have {partitions} partitions")


@command.command(name="move-windows")
@settings_options(StreamsSettings)
def move(**given: Any) -> None:
    """After partitions were added, let each conversation's window in Redis follow it to its new partition.

    Streams are stopped, publishers too, and all is drained (docs/lifecycle.md). Stopped midway, it can be run again.
    """
    from sentistream.moved_windows import move_windows

    done = move_windows(load(StreamsSettings, given))
    click.echo(f"{done.moved} windows moved to the partitions of their conversations")
    if done.elsewhere:
        click.echo(
            f"{done.elsewhere} stand where the murmur2 of their conversation_id does not lead, and were left: their "
            "messages have other keys or another partitioner (`sentistream doctor` names it). The stream will mark as "
            "degraded what may lack turns"
        )


def _wanted(given: dict[str, Any]) -> tuple[Topic, ...]:
    settings = load(TopicsSettings, given)
    return topics(load(TopicNames, given), settings.topic_profile, settings.partitions)


def _states(given: dict[str, Any]) -> tuple[TopicState, ...]:
    return describe_topics(load(KafkaSettings, given), _wanted(given))
