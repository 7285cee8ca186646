"""A PostgreSQL of the tests' own: initdb in a new folder, a free port, gone at the end."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

_USER = "store"


def missing_postgres() -> str | None:
    """Why there can be none here; None where there can."""
    if _programs() is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    if os.geteuid() == 0 and not _can_step_down():
        return "PostgreSQL does not run as root, and there is no user postgres or no setpriv"
    return None


class OwnPostgres:
    """Runs for the length of a `with` block."""

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        programs = _programs()
        assert programs is not None
        self._ctl = programs / "pg_ctl"
        self._folder = Path(tempfile.mkdtemp(prefix="sentistream-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self.port = _free_port()
        data = self._folder / "data"
        _run(programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} -F"
        _run(self._ctl, "-D", data, "-l", self._folder / "log", "-o", options, "-w", "start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> URL:
        """One that no other test knows."""
        name = f"test_{secrets.token_hex(4)}"
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._url(name)

    def stop(self) -> None:
        """As by a crash of the server: nobody is waited for."""
        _run(self._ctl, "-D", self._folder / "data", "-m", "immediate", "-w", "stop", check=False)

    def start_again(self) -> None:
        """After `stop`, at the same address."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} -F"
        _run(self._ctl, "-D", self._folder / "data", "-l", self._folder / "log", "-o", options, "-w", "start")

    def _url(self, name: str) -> URL:
        return URL.create("postgresql+pg8000", _USER, host="127.0.0.1", port=self.port, database=name)


def _programs() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("pg_ctl")
    return next((one for one in folders if (one / "pg_ctl").exists()), Path(on_path).parent if on_path else None)


def _can_step_down() -> bool:
    try:
        import pwd

        pwd.getpwnam("postgres")
    except (ImportError, KeyError):
        return False
    return shutil.which("setpriv") is not None


def _run(*command: object, check: bool = True) -> None:
    words = [str(one) for one in command]
    if os.geteuid() == 0:
        words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *words]
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{words}: {done.stderr}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
