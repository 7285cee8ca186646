"""TLS and SASL for faust's clients and for a plain aiokafka client, from the same settings."""

import ssl
from typing import Any

import faust
from faust.auth import OAuthCredentials

from schemas.connections import KafkaSettings
from streams.oauth_tokens import ClientCredentials


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
    if settings.uses_oauth:
        return OAuthCredentials(oauth_cb=ClientCredentials(settings), ssl_context=context)
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
    if settings.uses_oauth:
        options["sasl_oauth_token_provider"] = ClientCredentials(settings)
    elif settings.uses_sasl:
        options["sasl_plain_username"] = settings.kafka_sasl_username or ""
        options["sasl_plain_password"] = _password(settings)
    return options


def _password(settings: KafkaSettings) -> str:
    return settings.secret("kafka_sasl_password") or ""
