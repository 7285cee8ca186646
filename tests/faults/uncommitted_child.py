"""A stream that reads what a platform has not committed: `python -m tests.faults.uncommitted_child`."""

import sys

from faust.transport.drivers import aiokafka as driver

from sentistream.logs import configure_logging
from streams.service import run
from streams.settings import StreamsSettings
from streams.transport import ConsumerThread

if __name__ == "__main__":
    configure_logging()
    # faust's own fixes read_uncommitted.
    ConsumerThread._create_worker_consumer = driver.AIOKafkaConsumerThread._create_worker_consumer  # type: ignore[method-assign]
    sys.exit(run(StreamsSettings()))
