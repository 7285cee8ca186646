"""Kafka's id of a topic in the form that sources carry."""

import base64
from typing import Final, Protocol

_MASK: Final = (1 << 64) - 1


class Uuid(Protocol):
    """As confluent-kafka has it; its halves may be negative."""

    def get_most_significant_bits(self) -> int:
        """The first 64."""

    def get_least_significant_bits(self) -> int:
        """The others."""


def as_text(topic_id: Uuid) -> str:
    """As Kafka's own tools write it; librdkafka's own text uses another alphabet."""
    halves = (topic_id.get_most_significant_bits(), topic_id.get_least_significant_bits())
    raw = b"".join((half & _MASK).to_bytes(8, "big") for half in halves)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
