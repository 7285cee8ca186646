"""What to check where Kafka refuses us; without faust, which takes a second to import."""

from pathlib import Path
from typing import Final

from confluent_kafka import KafkaError

from schemas.connections import KafkaSettings
from streams.errors import ConfigurationError

_FILES: Final = ("kafka_ssl_ca", "kafka_ssl_certificate", "kafka_ssl_key")
#: What to look at when a broker and we do not come to terms, by librdkafka's code.
_ADVICE: Final = {
    KafkaError._AUTHENTICATION: (  # noqa: SLF001 - librdkafka's name
        "Check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM"
    ),
    KafkaError._SSL: (  # noqa: SLF001
        "Check KAFKA_SSL_CA (the authorities that sign the brokers), KAFKA_SECURITY_PROTOCOL, and that the certificate "
        "is made out to the host in KAFKA_BOOTSTRAP_SERVERS"
    ),
}


def check_files(settings: KafkaSettings) -> None:
    """The files that the settings name can be read.

    Raises:
        ConfigurationError: one cannot.
    """
    for name in _FILES:
        path = getattr(settings, name)
        if settings.uses_tls and path and not Path(path).is_file():
            raise ConfigurationError(f"{name.upper()} is {path}, and there is no such file")


def advice(error: KafkaError) -> str | None:
    """What to check after a refusal, which waiting would not mend; None for anything else."""
    return _ADVICE.get(error.code())
