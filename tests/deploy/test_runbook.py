"""docs/operating.md names every way in which a process ends itself, and nothing that is not there."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from pydantic_settings import BaseSettings

import trainer
import trainer.errors
import trainer.exit_codes
import trainer.refresh_settings
import trainer.settings
import worker.errors
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
    return "\n".join(
        file.read_text()
        for package in ("streams", "worker", "trainer", "sentistream")
        for file in (ROOT / package).rglob("*.py")
    )


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


def test_every_log_event_that_is_named_is_logged() -> None:
    lines = [line for line in PAGE.splitlines() if "**Log:**" in line]
    events = {name for line in lines for name in re.findall(r"`([a-z]+(?:_[a-z]+)+|stopping|stopped)`", line)}
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
    of_trainer = (*trainer.refresh_settings.CLASSES, trainer.settings.ServeSettings)
    classes: list[type[BaseSettings]] = [StreamsSettings, WorkerSettings, *of_trainer]
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
