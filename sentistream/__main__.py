"""`python -m sentistream`, the same as the `sentistream` command: its signal handlers come before every import."""

import os
import signal
import sys
from collections.abc import Sequence

#: Commands that run until they are stopped: to be told so is no failure, even before they have begun.
_SERVICES = frozenset({"streams", "worker", "up"})


def main() -> None:
    """Run the command line; a service that is stopped while it still imports ends at once, without a traceback."""
    signal.signal(signal.SIGINT, _end)
    if _command(sys.argv[1:]) in _SERVICES:
        signal.signal(signal.SIGTERM, _end)
        from sentistream.cli import main as command_line
    else:
        from sentistream.cli import main as command_line

        # Others have things to tidy up on the way out; click catches what this raises.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line(prog_name="sentistream")


def _end(number: int, frame: object) -> None:
    """0 for SIGTERM, 130 for Ctrl-C as in a shell. An exception could be caught by the module that is imported."""
    del frame
    os._exit(0 if number == signal.SIGTERM else 128 + number)


def _command(arguments: Sequence[str]) -> str | None:
    """The first argument that is neither an option of `sentistream` itself nor that option's value."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if "=" not in word:
            next(words, None)
    return None


if __name__ == "__main__":
    main()
