"""A stream that looks at its topics every few tenths of a second: once a minute is too seldom for a test."""

import sys

from sentistream.logs import configure_logging
from streams import topic_watch
from streams.service import run
from streams.settings import StreamsSettings

if __name__ == "__main__":
    configure_logging()
    vars(topic_watch).update(_EVERY_S=0.3)
    sys.exit(run(StreamsSettings()))
