"""A refresh in a process of its own: what it takes of memory goes back, and its death is not the scheduler's."""

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

import structlog
from pydantic import ValidationError

from trainer.exit_codes import ExitCode
from trainer.outcome import Outcome
from trainer.schedule import Ended

log = structlog.get_logger()


class RefreshProcess:
    """`sentistream trainer run --json`, running.

    Args:
        environment: added to ours.
        stop_s: how long it may take to end when asked to.
        longest_s: a run that takes longer is asked to end: it would keep the model's lock for ever.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", stop_s: float, longest_s: float = math.inf) -> None:
        self._process = process
        self._stop_s = stop_s
        self._longest_s = longest_s
        self._until = time.monotonic() + longest_s
        self._too_long = False
        self._said = b""
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    @classmethod
    def start(
        cls, environment: Mapping[str, str], stop_s: float, log: Path | None = None, *, longest_s: float = math.inf
    ) -> Self:
        """Start it; its log goes where ours goes, or to a file's end."""
        with ExitStack() as opened:
            errors = None if log is None else opened.enter_context(log.open("ab"))
            process = subprocess.Popen(
                [sys.executable, "-m", "sentistream", "trainer", "run", "--json"],
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment},
                # Ctrl-C at a terminal reaches us alone, and we stop it.
                start_new_session=True,
            )
        return cls(process, stop_s, longest_s)

    @property
    def outcome(self) -> Outcome | None:
        """What it printed, once it has ended well."""
        return _outcome(self._said)

    def poll(self) -> Ended | None:
        """None while it runs; one that runs for too long is told to end, and then made to, by these calls."""
        code = self._process.poll()
        if code is None:
            self._limit()
            return None
        self._reader.join()
        ended = _ended(code, self._said)
        if not self._too_long or code == ExitCode.DONE:
            return ended
        reason = f"it took longer than {self._longest_s:.0f} s (TRAINER_RUN_SECONDS) and was ended: its log says where "
        return Ended("failed", f"{reason}it was. The next refresh goes on from what is finished", code)

    def stop(self) -> None:
        """Ask it to end after the training step at hand, and make it end when that takes long."""
        self._process.terminate()
        try:
            self._process.wait(self._stop_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _limit(self) -> None:
        if time.monotonic() < self._until:
            return
        if self._too_long:
            self._process.kill()
            return
        log.error("refresh_too_long", seconds=self._longest_s, pid=self._process.pid)
        self._too_long = True
        self._until = time.monotonic() + self._stop_s
        self._process.terminate()

    def _read(self, output: IO[bytes]) -> None:
        self._said = output.read()


def _ended(code: int, said: bytes) -> Ended:
    if code == ExitCode.DONE:
        outcome = _outcome(said)
        return Ended(outcome.status, outcome.reason, code) if outcome else Ended("failed", "it ended silently", code)
    if code == ExitCode.STOPPED:
        return Ended("stopped", "it was asked to; the next refresh goes on from there", code)
    meaning = ExitCode(code).name.lower() if code in set(ExitCode) else f"exit status {code}"
    return Ended("failed", f"{meaning}: its log above says more", code)


def _outcome(said: bytes) -> Outcome | None:
    try:
        return Outcome.model_validate_json(said.strip().splitlines()[-1])
    except (ValidationError, IndexError):
        return None
