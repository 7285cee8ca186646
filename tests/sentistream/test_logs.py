"""One format for our own records and those of the libraries."""

import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog

from sentistream.logs import LogSettings, configure_logging


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_lines_for_our_records_and_others(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(log_format="json"))
    structlog.get_logger("ours").info("event_committed", partition=3)
    structlog.get_logger("ours").debug("not_written")
    logging.getLogger("theirs").warning("rebalance in %s s", 5)
    ours, theirs = (orjson.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["partition"], ours["level"]) == ("event_committed", 3, "info")
    assert (theirs["event"], theirs["logger"]) == ("rebalance in 5 s", "theirs")


def test_exceptions_are_part_of_their_record(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(log_format="json"))
    try:
        int("broken")
    except ValueError:
        structlog.get_logger("ours").exception("engine_failed")
    (record,) = (orjson.loads(line) for line in capsys.readouterr().err.splitlines())
    assert "broken" in record["exception"][0]["exc_value"]


def test_talkative_libraries_are_quiet_below_warning(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(log_format="json"))
    logging.getLogger("aiokafka.consumer").info("a record per message")
    assert not capsys.readouterr().err


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging(LogSettings.model_validate({"log_format": log_format}))
    private = "somebody's private words"
    try:
        _ = len(private) / 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("engine_failed")
        logging.getLogger("theirs").exception("engine failed too")
    written = capsys.readouterr().err
    assert "ZeroDivisionError" in written
    assert private not in written
