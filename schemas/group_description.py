"""Asks Kafka who is in a consumer group, in the one way that does not end the process.

librdkafka 2.16 aborts its process ("Assertion `eonce->refcnt > 0' failed") where the time-out of this request meets a
broker that is just coming back: with 12 clients, short time-outs and a broker that is killed and started again it took
one or two rounds, and none in ten with a time-out that is never reached. So the request may take an hour, and whoever
asks waits for as long as they like.
"""

from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

_NEVER_S: Final = 3_600.0


def ask_for_group(admin: AdminClient, group: str, **include: bool) -> "Future[Any]":
    """A ConsumerGroupDescription, some time: when the broker is back, at the latest after an hour.

    Args:
        admin: whom to ask by.
        group: the group's name.
        include: what else to ask for, as `AdminClient.describe_consumer_groups` names it.
    """
    asked: Future[Any] = admin.describe_consumer_groups([group], request_timeout=_NEVER_S, **include)[group]
    return asked


def describe_group(admin: AdminClient, group: str, seconds: float, **include: bool) -> Any:
    """A ConsumerGroupDescription.

    Raises:
        KafkaException: Kafka refused, or did not answer for so many seconds.
    """
    try:
        return ask_for_group(admin, group, **include).result(seconds)
    except TimeoutError as error:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from error  # noqa: SLF001 -- librdkafka's name
