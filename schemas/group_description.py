"""Asks Kafka who is in a consumer group, in the one way that does not end the process.

librdkafka 2.16 aborts its process ("Assertion `eonce->refcnt > 0' failed") where the time-out of this request meets a
broker that is just coming back: with 12 clients, short time-outs and a broker that is killed and started again it took
one or two rounds, and none in ten with a time-out that is never reached. So the request may take an hour, and whoever
asks waits for as long as they like.
"""

from concurrent.futures import Future
from typing import Any, Final, Protocol

_NEVER_S: Final = 3_600.0


class GroupClient(Protocol):
    """confluent-kafka's AdminClient."""

    def describe_consumer_groups(self, group_ids: list[str], **given: Any) -> "dict[str, Future[Any]]":
        """Ask for each."""


def ask_for_group(admin: GroupClient, group: str, **include: bool) -> "Future[Any]":
    """A ConsumerGroupDescription, some time: when the broker is back, at the latest after an hour.

    Args:
        admin: whom to ask by.
        group: the group's name.
        include: what else to ask for, as `AdminClient.describe_consumer_groups` names it.
    """
    return admin.describe_consumer_groups([group], request_timeout=_NEVER_S, **include)[group]


def describe_group(admin: GroupClient, group: str, seconds: float) -> Any:
    """A ConsumerGroupDescription, or KafkaException where Kafka refuses.

    Raises:
        TimeoutError: no answer for so many seconds.
    """
    try:
        return ask_for_group(admin, group).result(seconds)
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {seconds:g} s") from error
