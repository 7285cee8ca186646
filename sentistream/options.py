"""Command-line options made from the settings classes, so that each option is an environment variable too."""

import types
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

Settings = TypeVar("Settings", bound=BaseSettings)
Command = TypeVar("Command", bound=Callable[..., Any])

_SCALARS: Final = (int, float, bool)


class SettingOption(click.Option):
    """An option with a settings field behind it: its class reads the variable, not click.

    Attributes:
        variable: the environment's.
        owner: the class.
        field: behind it.
    """

    def __init__(
        self, *arguments: Any, variable: str, owner: type[BaseSettings], field: FieldInfo, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self.variable = variable
        self.owner = owner
        self.field = field


def settings_options(*classes: type[BaseSettings]) -> Callable[[Command], Command]:
    """A decorator that adds an option per field; a field that several classes share is added once.

    The command gets None for an option that was not given: `load` leaves it to the environment and the default.
    """

    def decorate(command: Command) -> Command:
        fields = {name: (owner, field) for owner in classes for name, field in owner.model_fields.items()}
        for name, (owner, field) in reversed(fields.items()):
            command = _option(name, owner, field)(command)
        return command

    return decorate


def load(settings: type[Settings], given: Mapping[str, Any]) -> Settings:
    """The settings from the options that were given, then the environment, then the defaults.

    Raises:
        click.UsageError: a value is not allowed; the text names its option and variable, and never shows a secret.
    """
    # Fields with a name of their own for the environment are set by that name.
    own = {
        field.validation_alias if isinstance(field.validation_alias, str) else name: given[name]
        for name, field in settings.model_fields.items()
        if given.get(name) is not None
    }
    try:
        return settings(**own)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise click.UsageError("\n".join(_problem(settings, one["loc"], one["msg"]) for one in found)) from None


def give_variables(command: click.Command, words: tuple[str, ...]) -> None:
    """Let options of one call be variables too: `dlq replay --dry-run` is DLQ_REPLAY_DRY_RUN.

    Args:
        command: whose options, and those of its subcommands, are named; those that have a variable keep it.
        words: its own, as they are typed.
    """
    for option in command.params:
        if not isinstance(option, click.Option) or isinstance(option, SettingOption):
            continue
        if not (option.envvar or option.is_eager):
            option.envvar = "_".join([*words, option.opts[0].lstrip("-")]).replace("-", "_").upper()
            option.show_envvar = True
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            give_variables(child, (*words, name))


def environment_name(settings: type[BaseSettings], name: str) -> str:
    """The environment variable of a field."""
    alias = settings.model_fields[name].validation_alias
    return (alias if isinstance(alias, str) else f"{settings.model_config.get('env_prefix', '')}{name}").upper()


def _problem(settings: type[BaseSettings], place: tuple[int | str, ...], text: str) -> str:
    for name, field in settings.model_fields.items():
        if place and place[0] in (name, field.validation_alias):
            return f"{_flag(name)} ({environment_name(settings, name)}): {text}"
    return text


def _option(name: str, owner: type[BaseSettings], field: FieldInfo) -> Callable[[Command], Command]:
    variable = environment_name(owner, name)
    kind = _plain_type(field.annotation)
    notes = [f"env: {variable}", *_shown_default(field, secret=kind is SecretStr)]
    return click.option(
        f"{_flag(name)}/--no-{_flag(name)[2:]}" if kind is bool else _flag(name),
        name,
        cls=SettingOption,
        variable=variable,
        owner=owner,
        field=field,
        type=_click_type(kind),
        default=None,
        help=f"{field.description or ''}  [{'; '.join(notes)}]",
    )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _plain_type(annotation: object) -> object:
    """The type without `| None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        given = [one for one in get_args(annotation) if one is not type(None)]
        return given[0] if len(given) == 1 else str
    return annotation


def _click_type(kind: object) -> Any:
    """What click can check and show in the help; everything else is text that pydantic reads."""
    if get_origin(kind) is Literal:
        return click.Choice([str(value) for value in get_args(kind)])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return click.Choice([str(value.value) for value in kind])
    if kind is Path:
        return click.Path(path_type=Path)
    return kind if kind in _SCALARS else str


def _shown_default(field: FieldInfo, *, secret: bool) -> list[str]:
    value = field.get_default(call_default_factory=False)
    if secret or value is None or value is PydanticUndefined or value == "":
        return []
    if isinstance(value, bool):
        return [f"default: {'on' if value else 'off'}"]
    return [f"default: {value.value if isinstance(value, Enum) else value}"]
