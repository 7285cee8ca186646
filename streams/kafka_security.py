"""TLS and SASL for faust's clients and for a plain aiokafka client, from the same settings."""

import ssl
from pathlib import Path
from typing import Any, Final

import faust
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


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """The context for encrypted protocols, with our own authority and certificate where they are set."""
    if not settings.uses_tls:
        return None
    context = ssl.create_default_context(cafile=settings.kafka_ssl_ca)
    if settings.kafka_ssl_certificate:
        context.load_cert_chain(settings.kafka_ssl_certificate, settings.kafka_ssl_key)
    return context


def faust_credentials(settings: KafkaSettings) -> Any:
    """What faust calls credentials; None for plain text."""
    context = ssl_context(settings)
    if settings.uses_sasl:
        return faust.SASLCredentials(
            username=settings.kafka_sasl_username or "",
            password=_password(settings),
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def aiokafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """The connection as aiokafka's own clients take it."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if context := ssl_context(settings):
        options["ssl_context"] = context
    if settings.uses_sasl:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username or ""
        options["sasl_plain_password"] = _password(settings)
    return options


def _password(settings: KafkaSettings) -> str:
    return settings.kafka_sasl_password.get_secret_value() if settings.kafka_sasl_password else ""
