"""What `sentistream store` says when it cannot start."""

import socket
from pathlib import Path

from click.testing import CliRunner

from sentistream.cli import main


def test_a_database_that_is_not_supported_ends_it_with_a_reason() -> None:
    done = CliRunner().invoke(main, ["store"], env={"STORE_DATABASE_URL": "mysql://me:hunter2@host/name"})
    assert done.exit_code == 64
    assert "use postgresql" in done.output
    assert "hunter2" not in done.output


def test_a_port_that_is_taken_ends_it_with_a_reason(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = {"STORE_DATABASE": str(tmp_path / "events.db"), "STORE_METRICS_PORT": str(taken.getsockname()[1])}
        done = CliRunner().invoke(main, ["store"], env=given)
    assert done.exit_code == 64
    assert "STORE_METRICS_PORT" in done.output
