"""A real one-node Kafka and a real Redis as child processes that never outlive us."""

from sentistream.embedded.child import ChildProcess
from sentistream.embedded.kafka import EmbeddedKafka
from sentistream.embedded.redis import EmbeddedRedis
from sentistream.embedded.stack import EmbeddedStack

__all__ = ["ChildProcess", "EmbeddedKafka", "EmbeddedRedis", "EmbeddedStack"]
