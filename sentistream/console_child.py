"""`sentistream console` beside another command: started when that one is at work, its link told, ended with it."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from console.api.settings import ApiSettings
from sentistream.embedded import ChildProcess
from sentistream.embedded.ports import is_free

_POLL_S: Final = 0.2
_DEADLINE_S: Final = 90.0
_STOP_GRACE_S: Final = 15.0
#: Unless ALERT_RULES says otherwise: a newcomer's Alerts would stay empty.
DEMO_RULES: Final = Path(__file__).parent / "samples" / "alert_rules.yaml"
_LINK: Final = re.compile(r"The console is at (http://\S+)")


class ConsoleChoice(BaseSettings):
    """Whether a command starts the console too."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    console: bool | None = Field(
        default=None, description="Start the console too, and print its link. Default: yes, but not with --json."
    )

    def wanted(self, *, as_json: bool) -> bool:
        """As it was said, or as it suits the output."""
        return not as_json if self.console is None else self.console


class ConsoleChild:
    """The console of an embedded stack.

    Args:
        folder: the stack's; the event store and the log are in it.
        environment: how the stack is reached.
        tell: is given the link, or why there is none; from a thread of ours.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._environment = environment
        self._tell = tell
        self._child: ChildProcess | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._wait_for_link, name="console-link", daemon=True)

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._ending.set()
        if self._child is not None:
            self._child.stop(_STOP_GRACE_S)

    @property
    def log(self) -> Path:
        """What it says."""
        return self._folder / "console.log"

    def start(self) -> None:
        """Once; what it needs takes a while to import, so not before there is something to see."""
        if self._child is None and not self._ending.is_set():
            self._folder.mkdir(parents=True, exist_ok=True)
            # The link is in it: for its owner's eyes.
            os.close(os.open(self.log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
            command = [sys.executable, "-m", "sentistream", "console"]
            self._child = ChildProcess(command, self.log, {**self._environment, **self._own()})
            self._thread.start()

    def _own(self) -> dict[str, str]:
        """What was not said: a store beside the stack's data, a few alert rules, and a port that is free."""
        found = {
            "STORE_DATABASE": str(self._folder / "console" / "events.db"),
            "STORE_METRICS_PORT": "0",
            "ALERT_RULES": str(DEMO_RULES),
            "PYTHONUNBUFFERED": "1",
        }
        if "CONSOLE_PORT" not in os.environ and not is_free(ApiSettings().console_port):
            found["CONSOLE_PORT"] = "0"
        given = {name for name in ("STORE_DATABASE", "STORE_METRICS_PORT", "ALERT_RULES") if name in os.environ}
        return {name: value for name, value in found.items() if name not in given}

    def _wait_for_link(self) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while not self._ending.wait(_POLL_S):
            if found := _LINK.search(self.log.read_text(errors="replace")):
                self._tell(f"The console: {found[1]}")
                return
            ended = self._child is not None and self._child.exit_status is not None
            if ended or time.monotonic() > deadline:
                self._tell(f"The console did not start: see {self.log}")
                return
