"""Every setting is an option and a variable; the option wins, and wrong values are named without showing secrets."""

from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentistream.options import load, settings_options


class Example(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    rounds: int = Field(default=3, ge=1, description="How many rounds.")
    policy: Literal["one-pass", "paper"] = Field(default="paper", description="How to decide.")
    quiet: bool = Field(default=False, description="Say less.")
    folder: Path | None = Field(default=None, description="Where.", validation_alias="EXAMPLE_FOLDER")
    password: SecretStr | None = Field(default=None, description="Secret.", min_length=8)


class Other(BaseSettings):
    rounds: int = Field(default=3, description="The same field.")


def run(*arguments: str, **environment: str) -> tuple[Result, Example | None]:
    seen: list[Example] = []

    @click.command()
    @settings_options(Example, Other)
    def command(**given: Any) -> None:
        seen.append(load(Example, given))

    result = CliRunner(env=environment).invoke(command, list(arguments))
    return result, seen[0] if seen else None


def test_defaults_then_environment_then_option() -> None:
    assert run()[1] == Example()
    assert run(ROUNDS="5", QUIET="true", EXAMPLE_FOLDER="a")[1] == Example(rounds=5, quiet=True, EXAMPLE_FOLDER="a")
    _, settings = run("--rounds", "7", "--no-quiet", "--folder", "b", ROUNDS="5", QUIET="true", EXAMPLE_FOLDER="a")
    assert settings == Example(rounds=7, quiet=False, EXAMPLE_FOLDER="b")


@pytest.mark.parametrize(("arguments", "environment"), [(("--rounds", "0"), {}), ((), {"ROUNDS": "0"})])
def test_a_value_that_is_not_allowed_is_named(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    result, settings = run(*arguments, **environment)
    assert settings is None
    assert result.exit_code == 2
    assert "--rounds (ROUNDS)" in result.output


def test_a_secret_is_never_shown() -> None:
    result, _ = run("--password", "hunter2")
    assert "--password (PASSWORD)" in result.output
    assert "hunter2" not in result.output


def test_the_help_shows_variables_defaults_and_choices() -> None:
    text = " ".join(run("--help")[0].output.split())
    assert "[env: ROUNDS; default: 3]" in text
    assert "[env: EXAMPLE_FOLDER]" in text
    assert "[env: QUIET; default: off]" in text
    assert "[one-pass|paper]" in text
    assert "How many rounds." in text or "The same field." in text
