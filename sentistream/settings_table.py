"""All settings, told from the command line itself, for the README: a test keeps it in step."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sentistream.cli import main
from sentistream.options import SettingOption

#: The services first, so that their words and defaults stand in the table; the other commands as they are sorted.
_FIRST: Final = ("streams", "worker", "up", "topics", "demo", "replay", "chat", "trainer", "adapters", "relabel")
#: These take what the services have; they are named only where nobody else is.
_LIKE_SERVICES: Final = frozenset({"doctor", "topics move-windows"})
#: Where more commands than this read one, they are not listed.
_LISTED: Final = 10
_SEVERAL: Final = 3


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable.

    Attributes:
        default: of the first command, then of those that have another one.
        meaning: in the first command's words.
        commands: that read it; a group's name stands for several of its subcommands.
    """

    variable: str
    default: str
    meaning: str
    commands: tuple[str, ...]


def all_settings() -> list[Setting]:
    """Each variable once, in the order of the commands. Options of one call alone, such as `--json`, are none."""
    found: dict[str, dict[str, FieldInfo]] = {}
    for command, option in setting_options():
        found.setdefault(option.variable, {})[command] = option.field
    return [_setting(variable, readers) for variable, readers in found.items()]


def markdown_table() -> str:
    """The settings as a table."""
    rows = [
        f"| `{one.variable}` | {one.default} | {_in_words(one.commands)} | {one.meaning} |" for one in all_settings()
    ]
    return "\n".join(["| variable | default | read by | meaning |", "| --- | --- | --- | --- |", *rows])


def setting_options() -> Iterator[tuple[str, SettingOption]]:
    """Every setting of every command, by the command's words; `all` for those of the command line itself."""
    context = click.Context(main)
    names = dict.fromkeys((*_FIRST, *main.list_commands(context)))
    yield from (("all", one) for one in main.params if isinstance(one, SettingOption))
    for name in names:
        command = main.get_command(context, name)
        if command is not None:
            yield from _below(command, name)


def _below(command: click.Command, words: str) -> Iterator[tuple[str, SettingOption]]:
    yield from ((words, one) for one in command.params if isinstance(one, SettingOption))
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _below(child, f"{words} {name}")


def _setting(variable: str, readers: dict[str, FieldInfo]) -> Setting:
    readers = {one: field for one, field in readers.items() if one not in _LIKE_SERVICES} or readers
    having: dict[str, list[str]] = {}
    for command, field in readers.items():
        having.setdefault(_default(field), []).append(command)
    first, *others = having.items()
    defaults = [first[0], *(f"{_in_words(_grouped(who))}: {default}" for default, who in others if default)]
    meaning = next(iter(readers.values())).description or ""
    return Setting(variable, "; ".join(one for one in defaults if one), meaning, _grouped(readers))


def _grouped(commands: Collection[str]) -> tuple[str, ...]:
    """A group stands for itself, and for its subcommands where there are several."""
    counts = Counter(one.split()[0] for one in commands)
    short = {one: one.split()[0] for one in commands}
    return tuple(
        dict.fromkeys(top if top in commands or counts[top] >= _SEVERAL else one for one, top in short.items())
    )


def _in_words(commands: tuple[str, ...]) -> str:
    return ", ".join(commands) if len(commands) <= _LISTED else "most"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if value is PydanticUndefined or value is None or isinstance(value, SecretStr) or value == "":
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value}`"
