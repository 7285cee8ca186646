"""`sentistream settings`: every setting of every service and command, as the README's table."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from sentistream.options import environment_name


def settings_classes() -> dict[str, type[BaseSettings]]:
    """Who has settings, the shared ones first."""
    from schemas.connections import KafkaSettings, RedisSettings
    from schemas.topics import TopicNames
    from sentistream.commands.chat import ChatSettings
    from sentistream.commands.demo import DemoSettings
    from sentistream.commands.replay import ReplaySettings
    from sentistream.commands.up import UpSettings
    from sentistream.logs import LogSettings
    from sentistream.system import SystemSettings
    from streams.settings import StreamsSettings
    from trainer.settings import TrainBaseSettings
    from worker.settings import WorkerSettings

    return {
        "all": LogSettings,
        "Kafka": KafkaSettings,
        "Redis": RedisSettings,
        "topics": TopicNames,
        "streams": StreamsSettings,
        "worker": WorkerSettings,
        "up": UpSettings,
        "demo, replay, chat": SystemSettings,
        "demo": DemoSettings,
        "replay": ReplaySettings,
        "chat": ChatSettings,
        "train-base": TrainBaseSettings,
    }


def settings_table() -> str:
    """A Markdown table; a setting stands once, where it is first met, with all who read it."""
    rows: dict[str, tuple[list[str], FieldInfo]] = {}
    for owner, kind in settings_classes().items():
        for name, field in kind.model_fields.items():
            rows.setdefault(environment_name(kind, name), ([], field))[0].append(owner)
    return "\n".join(_lines(rows))


def _lines(rows: dict[str, tuple[list[str], FieldInfo]]) -> Iterator[str]:
    yield "| variable | read by | default | what it sets |"
    yield "|---|---|---|---|"
    for variable, (owners, field) in rows.items():
        description = (field.description or "").replace("|", "\\|")
        yield f"| `{variable}` | {_owner(owners)} | {_default(field)} | {description} |"


def _owner(owners: list[str]) -> str:
    """Shared groups of settings are named by themselves; every service has them."""
    shared = [one for one in owners if one in ("all", "Kafka", "Redis", "topics")]
    return f"all ({shared[0]})" if shared and shared[0] != "all" else ", ".join(dict.fromkeys(owners))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if value is None or value is PydanticUndefined or value == "":
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else value.as_posix() if isinstance(value, Path) else value}`"


@click.command(name="settings")
def command() -> None:
    """Print every setting as a Markdown table: environment variable, who reads it, default, meaning.

    Each is also an option of its command: KAFKA_BOOTSTRAP_SERVERS is --kafka-bootstrap-servers.
    """
    click.echo(settings_table())
