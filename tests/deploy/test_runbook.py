"""docs/operating.md names every way in which a process ends itself, and nothing that is not there."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Final, NoReturn

import pytest
from click.testing import CliRunner
from pydantic_settings import BaseSettings

import console.store.process
import trainer
import trainer.errors
import trainer.exit_codes
import trainer.refresh_settings
import trainer.settings
import worker.errors
from console.alerts.errors import RulesError
from console.api.settings import ApiSettings
from console.settings import StoreSettings
from console.store.errors import StoreError
from sentistream import console_process
from sentistream.cli import main
from sentistream.commands.console import ConsoleOptions
from sentistream.errors import ServiceError
from sentistream.options import environment_name
from streams import errors as stream_errors
from streams import intake, service
from streams.settings import StreamsSettings
from tests.deploy.metric_names import metric_names
from worker.settings import WorkerSettings

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/operating.md").read_text()
HEADINGS: Final = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
CODE: Final = re.findall(r"`([^`\n]+)`", PAGE)
#: What stands in backticks like a setting of ours, and is Kafka's or the trainer's environment.
NOT_OURS: Final = {"DESCRIBE", "PLACE"}


@cache
def source() -> str:
    packages = ("streams", "worker", "trainer", "console", "sentistream")
    return "\n".join(file.read_text() for package in packages for file in (ROOT / package).rglob("*.py"))


def subclasses(base: type[Exception]) -> Iterator[type[Exception]]:
    for one in base.__subclasses__():
        if one.__module__.split(".")[0] in {"streams", "worker", "trainer"}:
            yield one
            yield from subclasses(one)


def rows(heading: str) -> str:
    """The part under a heading of the second level."""
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("code", worker.errors.ExitCode, ids=lambda code: code.name)
def test_each_exit_status_of_the_worker_has_its_part(code: worker.errors.ExitCode) -> None:
    assert f"Worker {code.value}, {code.name}" in HEADINGS
    part = PAGE.split(f"### Worker {code.value}, {code.name}\n")[1].split("\n#")[0]
    named = {one for one in subclasses(worker.errors.WorkerError) if getattr(one, "exit_code", None) is code}
    for error in named:
        assert f"`{error.__name__}`" in part
    for point in ("**Means:**", "**Do", "**Log:**"):
        assert point in part
    if code:
        assert re.search(r"\*again\*|Don't|Do", part)


def test_no_exit_status_is_made_up() -> None:
    told = {int(number) for number in re.findall(r"^### Worker (\d+),", PAGE, re.MULTILINE)}
    assert told == {code.value for code in worker.errors.ExitCode}


@pytest.mark.parametrize("status", [0, intake.FAILED, service._LATE])
def test_each_exit_status_of_the_stream_has_its_part(status: int) -> None:
    assert any(heading.startswith(f"Stream {status},") for heading in HEADINGS)


def test_each_error_of_the_stream_has_its_part_and_none_is_made_up() -> None:
    there = {"StreamsError", *(one.__name__ for one in subclasses(stream_errors.StreamsError))}
    told = set(re.findall(r"^### Stream: (\w+Error)$", PAGE, re.MULTILINE))
    assert told == there


def test_each_exit_status_and_error_of_the_trainer_is_told_in_its_row() -> None:
    for module in pkgutil.walk_packages(trainer.__path__, "trainer."):
        if module.name.endswith("errors"):
            importlib.import_module(module.name)
    table = rows("The trainer ends itself")
    for code in trainer.exit_codes.ExitCode:
        (row,) = [line for line in table.splitlines() if line.startswith(f"| {code.value} {code.name} |")]
        for error in subclasses(trainer.errors.TrainerError):
            if getattr(error, "exit_code", None) is code:
                assert f"`{error.__name__}`" in row


def _ending(error: Exception) -> Callable[..., NoReturn]:
    def end(*_: object, **__: object) -> NoReturn:
        raise error

    return end


def _told(service: str) -> set[int]:
    return {int(number) for number in re.findall(rf"^### {service} (\d+),", PAGE, re.MULTILINE)}


@pytest.mark.parametrize("error", [StoreError("this is wrong"), RulesError("this is wrong"), RuntimeError("a fault")])
def test_each_exit_status_of_the_store_has_its_part(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.store.process, "run_store", _ending(error))
    ended = CliRunner().invoke(main, ["store"])
    assert ended.exit_code in _told("Store")
    part = PAGE.split(f"### Store {ended.exit_code},")[1].split("\n#")[0]
    if ended.exit_code != 1:
        assert f"`{type(error).__name__}`" in part
        assert "Error: this is wrong" in ended.output


@pytest.mark.parametrize("error", [StoreError("this is wrong"), ServiceError("this is wrong")])
def test_each_exit_status_of_the_console_has_its_part(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_process, "load_rules", _ending(error))
    ended = CliRunner().invoke(main, ["console"])
    assert ended.exit_code in _told("Console")
    assert "`ServiceError`" in PAGE.split(f"### Console {ended.exit_code},")[1].split("\n#")[0]
    assert "Error: this is wrong" in ended.output


def test_both_end_with_0_when_they_are_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.store.process, "run_store", lambda *_: None)
    monkeypatch.setattr(console_process, "Console", lambda *_: SimpleNamespace(run=lambda *_: None))
    for name in ("store", "console"):
        assert CliRunner().invoke(main, [name]).exit_code == 0
        assert 0 in _told(name.capitalize())


def test_no_exit_status_of_store_or_console_is_made_up() -> None:
    assert (_told("Store"), _told("Console")) == ({0, 1, 64}, {0, 1})


def test_every_log_event_that_is_named_is_logged() -> None:
    lines = [line for line in PAGE.splitlines() if "**Log:**" in line]
    events = {name for line in lines for name in re.findall(r"`([a-z]+(?:_[a-z]+)+|stopping|stopped)`", line)}
    waiting = rows("The console and the event store end themselves").split("These are no ends")[1]
    events |= set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", waiting))
    events |= set(re.findall(r"^\| `([a-z_]+)`", rows("Not ended and not well"), re.MULTILINE))
    events -= {"exit_code"}
    assert len(events) > 25
    assert not [name for name in sorted(events) if f'"{name}"' not in source()]


def test_every_metric_that_is_named_exists() -> None:
    names = metric_names()
    named = {name for text in CODE for name in re.findall(r"sentistream_\w+", text)}
    assert named
    assert named <= names


def test_every_setting_that_is_named_exists() -> None:
    consoles = (StoreSettings, ApiSettings, ConsoleOptions)
    classes: list[type[BaseSettings]] = [
        StreamsSettings,
        WorkerSettings,
        *consoles,
        *trainer.refresh_settings.CLASSES,
        trainer.settings.ServeSettings,
    ]
    known = {environment_name(one, field) for one in classes for field in one.model_fields}
    named = {name for text in CODE for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b|^MODEL$", text)}
    assert len(named) > 20
    assert named - NOT_OURS <= known


def test_every_link_leads_somewhere() -> None:
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADINGS}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, anchor = target.partition("#")
        if file:
            assert (ROOT / "docs" / file).is_file(), file
        else:
            assert anchor in anchors, anchor
