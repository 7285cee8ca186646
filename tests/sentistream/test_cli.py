"""The command explains itself, and its errors are one readable text."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sentistream.cli import main
from sentistream.options import SettingOption


def test_every_command_explains_itself() -> None:
    names = main.list_commands(click.Context(main))
    assert {"topics", "up"} <= set(names)
    for name in names:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, f"{name}: {result.output}"
        assert "Usage:" in result.output


def test_an_unknown_command_is_named() -> None:
    result = CliRunner().invoke(main, ["levitate"])
    assert result.exit_code == 2
    assert "levitate" in result.output


def test_our_errors_have_no_traceback() -> None:
    result = CliRunner().invoke(main, ["topics", "list", "--kafka-bootstrap-servers", "127.0.0.1:1"])
    assert result.exit_code == 1
    assert "127.0.0.1:1" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("heavy", ["torch", "vllm", "transformers", "faust"])
def test_the_help_imports_no_model_runtime(heavy: str) -> None:
    help_page = "from sentistream.cli import main; main(['--help'], standalone_mode=False)"
    script = f"import sys; {help_page}; assert {heavy!r} not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=120)


def options_of(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    yield from ((words, one) for one in command.params if isinstance(one, click.Option) and not one.is_eager)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from options_of(child, (*words, name))


def test_every_option_is_a_variable_too_and_says_so() -> None:
    settings, others = set(), []
    for words, one in options_of(main):
        if isinstance(one, SettingOption):
            settings.add(one.variable)
            assert f"env: {one.variable}" in (one.help or ""), (words, one.name)
        else:
            assert isinstance(one.envvar, str), (words, one.name)
            assert one.show_envvar, (words, one.name)
            others.append(one.envvar)
    assert {"DEMO_JSON", "DLQ_REPLAY_DRY_RUN", "FORGET_YES", "REPLAY_FORMAT", "CONSOLE_TOKEN_CREATE_ROLE"} <= {*others}
    assert not settings & {*others}, "one variable would mean two things"


def test_an_option_of_one_call_is_read_from_its_variable(tmp_path: Path) -> None:
    result = CliRunner(env={"SCHEMAS_CHECK": "1"}).invoke(main, ["schemas", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "not as the models say" in result.output
    assert not list(tmp_path.iterdir())
