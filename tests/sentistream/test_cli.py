"""The command explains itself, and its errors are one readable text."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from sentistream.cli import main


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
