"""What the README shows is true: its table of settings is complete, its programs run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sentistream.settings_table import all_settings, markdown_table
from tests.sentistream.conftest import Live

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def program(containing: str) -> str:
    programs: list[str] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return next(code for code in programs if containing in code)


def test_the_table_of_settings_is_in_step() -> None:
    shown = README.split("<!-- settings: begin -->")[1].split("<!-- settings: end -->")[0]
    assert shown.strip() == markdown_table(), "put the output of `sentistream settings` between the README's marks"


def test_every_setting_has_a_meaning() -> None:
    assert not [one.variable for one in all_settings() if not one.meaning]


def test_who_reads_a_setting_and_other_defaults_are_told() -> None:
    found = {one.variable: one for one in all_settings()}
    assert found["SENTISTREAM_DATA"].commands == ("up", "demo", "replay", "chat", "dlq", "loop-demo")
    assert found["CONSOLE"].commands == ("up", "demo")
    assert found["TRAINER_CRON"].commands == ("trainer serve",)
    assert found["TRAINER_REGISTRY"].commands == ("trainer", "adapters", "relabel", "console")
    assert "doctor" not in found["BATCH_SIZE"].commands, "it takes all that the services have"
    assert found["DOCTOR_SAMPLE"].commands == ("doctor",)
    assert found["KAFKA_SESSION_TIMEOUT_MS"].default == "`45000`; demo, replay, chat, loop-demo: `10000`"


def test_the_consumer_is_short() -> None:
    assert len([line for line in program("subscribe").splitlines() if line.strip()]) <= 10


@pytest.mark.kafka
def test_the_programs_publish_a_message_and_read_its_event(live: Live) -> None:
    environment = {**os.environ, **live.environment}

    def run(code: str) -> "subprocess.Popen[str]":
        own = re.sub(r'"(chat\.messages|emotion\.events)"', rf'"{live.names.topic_prefix}\1"', code)
        return subprocess.Popen([sys.executable, "-c", own], env=environment, stdout=subprocess.PIPE, text=True)

    assert run(program("produce(")).wait(60) == 0
    dashboard = run(program("subscribe"))
    try:
        assert dashboard.stdout is not None
        # A reader that hangs is ended by the test's own time limit.
        shown = dashboard.stdout.readline()
    finally:
        dashboard.kill()
        dashboard.wait()
    assert shown.startswith("support-4711 Maya")
