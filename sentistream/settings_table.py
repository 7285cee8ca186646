"""The settings of everything that serves messages, told from their classes, for the README: a test keeps it in step."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from sentistream.options import environment_name

#: Command, and the class with its settings; the services first, so that their words stand in the table.
_OWNERS: Final = (
    ("streams", "streams.settings", "StreamsSettings"),
    ("worker", "worker.settings", "WorkerSettings"),
    ("all", "sentistream.logs", "LogSettings"),
    ("up", "sentistream.commands.up", "UpSettings"),
    ("topics", "sentistream.commands.topics", "TopicsSettings"),
    ("demo", "sentistream.system", "SystemSettings"),
    ("demo", "sentistream.commands.demo", "DemoSettings"),
    ("replay", "sentistream.system", "SystemSettings"),
    ("replay", "sentistream.commands.replay", "ReplaySettings"),
    ("chat", "sentistream.system", "SystemSettings"),
    ("chat", "sentistream.commands.chat", "ChatSettings"),
    ("trainer", "trainer.settings", "TrainerSettings"),
    ("trainer", "trainer.feedback.settings", "FeedbackSettings"),
    ("trainer", "trainer.gate.settings", "GateSettings"),
    ("trainer", "trainer.settings", "ServingSettings"),
    ("trainer", "trainer.registry.settings", "RegistrySettings"),
    ("adapters", "trainer.registry.settings", "RegistrySettings"),
    ("relabel", "trainer.registry.settings", "RegistrySettings"),
    ("relabel", "trainer.settings", "ServingSettings"),
    ("trainer serve", "trainer.settings", "ServeSettings"),
    ("trainer run", "trainer.watch.settings", "ShadowSettings"),
    ("trainer shadow", "trainer.watch.settings", "ShadowSettings"),
    ("trainer watch", "trainer.watch.settings", "WatchSettings"),
    ("doctor", "sentistream.doctor.deployment", "DoctorSettings"),
    ("console", "console.api.settings", "ApiSettings"),
    ("console", "console.settings", "StoreSettings"),
    ("store", "console.settings", "StoreSettings"),
    ("forget", "console.settings", "DatabaseSettings"),
    ("console", "sentistream.commands.console", "ConsoleOptions"),
    ("loop-demo", "sentistream.loop_demo.settings", "LoopDemoSettings"),
    ("train-base", "trainer.settings", "TrainBaseSettings"),
    ("train-bilingual", "trainer.bilingual.settings", "TrainBilingualSettings"),
    ("evaluate", "sentistream.evaluation.subject", "EvaluateSettings"),
    ("ablate", "sentistream.ablation.settings", "AblateSettings"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable.

    Attributes:
        commands: that read it.
    """

    variable: str
    default: str
    meaning: str
    commands: tuple[str, ...]


def all_settings() -> list[Setting]:
    """Each variable once, in the order of the classes."""
    found: dict[str, Setting] = {}
    for command, variable, field in _fields():
        known = found.get(variable) or Setting(variable, _default(field), field.description or "", ())
        commands = known.commands if command in known.commands else (*known.commands, command)
        found[variable] = Setting(variable, known.default, known.meaning, commands)
    return list(found.values())


def markdown_table() -> str:
    """The settings as a table."""
    rows = [
        f"| `{one.variable}` | {one.default} | {', '.join(one.commands)} | {one.meaning} |" for one in all_settings()
    ]
    return "\n".join(["| variable | default | read by | meaning |", "| --- | --- | --- | --- |", *rows])


def _fields() -> Iterator[tuple[str, str, FieldInfo]]:
    for command, module, name in _OWNERS:
        settings: type[BaseSettings] = getattr(importlib.import_module(module), name)
        for field_name, field in settings.model_fields.items():
            yield command, environment_name(settings, field_name), field


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if value is PydanticUndefined or value is None or isinstance(value, SecretStr) or value == "":
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value}`"
