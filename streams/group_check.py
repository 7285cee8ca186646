"""The right to work as our consumer group: without it aiokafka would ask again and again, and say nothing."""

from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.connections import KafkaSettings
from schemas.group_description import describe_group
from streams.errors import TopicsError

_TIMEOUT_S: Final = 10.0


def check_group(connection: KafkaSettings, group: str) -> None:
    """Ask for the group. A broker that does not answer now is left to those who wait for it.

    Raises:
        TopicsError: this user may not.
    """
    admin = AdminClient({**connection.librdkafka(), "log_level": 0})
    try:
        describe_group(admin, group, _TIMEOUT_S)
    except TimeoutError:
        return
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise TopicsError(
                f"Kafka at {connection.kafka_bootstrap_servers}: this user may not work as consumer group {group} "
                "(Read). deploy/acls/streams.sh has all that the stream needs"
            ) from error
