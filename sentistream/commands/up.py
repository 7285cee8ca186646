"""`sentistream up`: a Kafka and a Redis to work against, until Ctrl-C."""

from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import Profile, TopicNames
from sentistream.console_child import ConsoleChild, ConsoleChoice
from sentistream.embedded.stack import EmbeddedStack
from sentistream.options import load, settings_options
from sentistream.services import environment_of
from sentistream.shutdown import stop_requests


class UpSettings(BaseSettings):
    """Where the embedded stack keeps its data, and how its topics are made."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    data: Path = Field(
        default=Path("data"),
        validation_alias="SENTISTREAM_DATA",
        description="Folder that a later start finds its data in again.",
    )
    partitions: int = Field(default=6, ge=1, le=1000, description="Partitions of each main topic, when it is made.")
    topic_profile: Profile | None = Field(
        default=None, description="Topic settings; by default embedded, or production on a Kafka of your own."
    )


@click.command(name="up")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line instead of text.")
@settings_options(UpSettings, ConsoleChoice, KafkaSettings, RedisSettings, TopicNames)
def command(*, as_json: bool, **given: Any) -> None:
    """Start Kafka and Redis, make the topics, and stay until Ctrl-C; the console too.

    With KAFKA_BOOTSTRAP_SERVERS or REDIS_URL set, that one is used and not started.
    """
    settings = load(UpSettings, given)
    stack = EmbeddedStack(
        settings.data,
        names=load(TopicNames, given),
        partitions=settings.partitions,
        kafka=load(KafkaSettings, given),
        redis=load(RedisSettings, given),
        profile=settings.topic_profile,
    )
    with stop_requests(on_second=stack.kill) as asked, stack:
        _announce(stack, as_json=as_json)
        environment = {**environment_of(stack.kafka, stack.redis), **stack.environment()}
        with ConsoleChild(settings.data, environment, lambda text: click.echo(text, err=as_json)) as console:
            if load(ConsoleChoice, given).wanted(as_json=as_json):
                console.start()
            asked.wait()
        click.echo("Stopping. Ctrl-C again ends it at once.", err=True)


def _announce(stack: EmbeddedStack, *, as_json: bool) -> None:
    addresses = stack.environment()
    if as_json:
        click.echo(orjson.dumps(addresses))
        return
    click.echo(f"Kafka  {addresses['KAFKA_BOOTSTRAP_SERVERS']}\nRedis  {addresses['REDIS_URL']}\n")
    click.echo("In another terminal, for `sentistream streams` and `sentistream worker`:")
    for name, value in addresses.items():
        if value:
            click.echo(f"  export {name}={value}")
    click.echo("\nCtrl-C stops everything; the data stays.")
