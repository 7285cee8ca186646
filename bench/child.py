"""A process of its own that measures on request, so that two engines can take turns."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import working

ROOT = Path(__file__).parents[1]


class Child:
    """One process that measures."""

    def __init__(self, *words: str) -> None:
        """Start ``python -m`` with these words; the model loads meanwhile."""
        self._command = [sys.executable, "-m", *words]
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
        )

    def read(self) -> Any:
        """The next figure; lines that are not ours are skipped."""
        assert self._process.stdout is not None  # noqa: S101 - PIPE above
        for line in self._process.stdout:
            try:
                return json.loads(line)
            except ValueError:
                continue
        command_line = " ".join(self._command)
        raise SystemExit(f"a child ended with {self._process.wait()}; run it by hand: {command_line}")

    def measure(self, *way: Any) -> Any:
        """What it answers to one line."""
        assert self._process.stdin is not None  # noqa: S101 - PIPE above
        self._process.stdin.write(json.dumps(way) + "\n")
        self._process.stdin.flush()
        return self.read()

    def stop(self) -> None:
        """End it and wait."""
        self._process.kill()
        self._process.wait()


@contextmanager
def ready(children: Iterable[Child], title: str) -> Iterator[None]:
    """Wait until all have said that they are ready; they end with the block."""
    try:
        with working(title):
            for child in children:
                child.read()
        yield
    finally:
        for child in children:
            child.stop()
