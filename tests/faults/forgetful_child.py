"""A stream that does not look whether Redis still knows all that it knew: a negative control."""

import sys
from dataclasses import replace
from typing import Any

from sentistream.logs import configure_logging
from streams.service import run
from streams.settings import StreamsSettings
from streams.window import PartitionWork, WindowStore

_arguments = WindowStore._arguments


def _unchecked(self: WindowStore, work: PartitionWork) -> Any:
    return _arguments(self, replace(work, check=False))


if __name__ == "__main__":
    configure_logging()
    WindowStore._arguments = _unchecked  # type: ignore[method-assign]
    sys.exit(run(StreamsSettings()))
