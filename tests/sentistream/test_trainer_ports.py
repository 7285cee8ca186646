"""What the trainer's services say when their port is taken."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from sentistream.cli import main
from trainer.exit_codes import ExitCode


@pytest.mark.parametrize(("command", "setting"), [("serve", "TRAINER_METRICS_PORT"), ("watch", "TRAINER_WATCH_PORT")])
def test_a_port_that_is_taken_ends_it_with_a_reason(command: str, setting: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = {
            setting: str(taken.getsockname()[1]),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "TRAINER_FOLDER": str(tmp_path / "trainer"),
            "TRAINER_REGISTRY": str(tmp_path / "registry"),
        }
        done = CliRunner().invoke(main, ["trainer", command], env=given)
    assert done.exit_code == ExitCode.MISCONFIGURED, done.output
    assert f"set {setting} to a free port" in done.output.splitlines()[-1]
