"""`sentistream demo` from nothing to its summary, and from Ctrl-C to nothing left, with the scripted engine."""

import fcntl
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
import psutil
import pytest

from sentistream.errors import ServiceError
from sentistream.script import sample
from sentistream.services import Services
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

DEADLINE_S = 240.0


def demo(data: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sentistream", "demo", "--engine", "scripted", "--data", str(data), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


@pytest.mark.timeout(600)
def test_the_whole_sample_and_then_ctrl_c_in_the_middle(data: Path) -> None:
    process = demo(data, "--rate", "60", "--json")
    stdout, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, stderr
    rows = [orjson.loads(line) for line in stdout.splitlines()]
    started, shown, summary = rows[:3], rows[3:-1], rows[-1]["summary"]
    assert all("started" in row for row in started)
    script = sample()
    assert len(shown) == len(script)
    assert summary["messages"] == len(script)
    assert summary["dead_letters"] == sum(not line.is_message for line in script)
    assert summary["events"] == sum(line.is_message for line in script)
    assert (summary["missing"], summary["duplicates"]) == (0, 0)
    chinese = {line.text for line in script if line.language == "zh"}
    assert len(chinese) > 50
    assert not [row for row in shown if row["status"] == "unsupported"]
    labelled = {row["text"] for row in shown if row["status"] == "labelled"}
    # The scripted engine answers by a hash of the tokens and may disagree with itself: the others are outliers.
    assert len(chinese & labelled) > 0.8 * len(chinese)

    # The same data again, as a second run finds it; plain lines this time, and with the console.
    process = demo(data, "--rate", "4")
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.strip()
    sees_the_console(process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert {"java", "redis-server"} <= {child.name() for child in children}
    process.send_signal(signal.SIGINT)
    rest, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, stderr
    assert "when it was stopped" in rest
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive


def sees_the_console(process: "subprocess.Popen[str]") -> None:
    """Open the link that it prints, as a newcomer does."""
    assert process.stderr is not None
    told = next((line for line in iter(process.stderr.readline, "") if "onsole" in line), "nothing")
    link = re.search(r"The console: (http://127\.0\.0\.1:\d+)/open\?token=\S+", told)
    assert link is not None, told
    with httpx.Client(base_url=link[1], follow_redirects=True, timeout=20) as browser:
        assert browser.get(link[0].partition(": ")[2]).status_code == 200
        assert browser.get("/api/v1/me").json()["role"] == "operator"
        assert browser.get("/api/v1/alerts/rules").json()["file"] == "alert_rules.yaml"
        wait_for(lambda: bool(browser.get("/api/v1/events").json()["events"]), "an event in the store")
        health = {one["service"]: one["state"] for one in browser.get("/api/v1/health").json()["services"]}
        assert (health["streams"], health["worker"]) == ("ok", "ok")


def test_a_folder_in_use_is_one_clear_line(data: Path) -> None:
    data.mkdir()
    with (data / "stack.lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        _, stderr = (process := demo(data)).communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "4711" in stderr.splitlines()[-1]
    assert "--data" in stderr.splitlines()[-1]
    assert "Traceback" not in stderr


def test_a_service_that_ends_is_quoted(tmp_path: Path) -> None:
    environment = {"MODEL": "no-such-model", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    ended = pytest.raises(ServiceError, match=r"(?s)worker\.log.*no-such-model")
    with Services(tmp_path, environment) as services, ended:
        services.wait_until_ready("worker", 120, lambda: False)
