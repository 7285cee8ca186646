"""Kafka takes us, or says why not: told in one line at the start, rather than after a time-out."""

from confluent_kafka.admin import AdminClient

from schemas.connections import KafkaSettings
from schemas.errors import MissingFileError
from schemas.kafka_refusals import Refusals, check_files
from worker.errors import MisconfiguredError


def check_login(settings: KafkaSettings) -> None:
    """Log in once. A Kafka that is away is left to those who wait for it.

    Raises:
        MisconfiguredError: the brokers or the token endpoint refuse us, or a file that the settings name is missing.
    """
    try:
        check_files(settings)
    except MissingFileError as error:
        raise MisconfiguredError(str(error)) from error
    refusals = Refusals(settings)
    client = AdminClient({**settings.librdkafka(), "log_level": 0, "error_cb": refusals.hear})
    if refusal := refusals.by(client):
        raise MisconfiguredError(refusal)
