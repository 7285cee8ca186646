"""The stream with a fault: `python -m tests.faults.stream_child SIGNAL TIMES POINT COUNT`."""

import sys

from sentistream.logs import configure_logging
from streams.service import run
from streams.settings import StreamsSettings
from tests.faults.signal_at import SignalAt

if __name__ == "__main__":
    configure_logging()
    sys.exit(run(StreamsSettings(), SignalAt(sys.argv[1:])))
