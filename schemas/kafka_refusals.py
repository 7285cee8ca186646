"""What to check where Kafka, or the server that gives out tokens for it, refuses us: by librdkafka's own errors."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from schemas.connections import KafkaSettings
from schemas.errors import MissingFileError

_STEP_S: Final = 0.2
_FILES: Final = ("kafka_ssl_ca", "kafka_ssl_certificate", "kafka_ssl_key")
_NO_BROKER: Final = "_ALL_BROKERS_DOWN"
#: How librdkafka begins when the token endpoint said no, or was not there.
_NO_TOKEN: Final = "OAUTHBEARER token"  # noqa: S105 - words of an error
#: The endpoint took us for nobody it knows; anything else may be an outage of it.
_TOKEN_REFUSED: Final = ("invalid_client", "invalid_scope", "invalid_request", "unauthorized_client", "access_denied")
_REFUSED_STATUS: Final = ("400", "401", "403", "404")
#: What a broker that asks for certificates says of ours.
_ALERT: Final = " alert "
_OUR_CERTIFICATE: Final = ("certificate", "unknown ca")
_NO_RIGHT: Final = ("TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED")
_NO_LEADER: Final = ("LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION")


class ClientError(Protocol):
    """An error as confluent-kafka hands it to ``error_cb``."""

    def name(self) -> str:
        """Such as _AUTHENTICATION."""

    def str(self) -> str:
        """In words."""


class Client(Protocol):
    """An AdminClient, say, that was given `Refusals.hear` as its ``error_cb``."""

    def poll(self, timeout: float) -> object:
        """Call back."""

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        """Ask any broker, or raise."""


def lacks_right(error: ClientError) -> bool:
    """A broker knows who asks, and does not let them: waiting does not help, an ACL does."""
    return error.name() in _NO_RIGHT


def lacks_leader(error: ClientError) -> bool:
    """Of a topic that was just made, or of a broker that is being replaced: worth another try."""
    return error.name() in _NO_LEADER


def lacking(error: ClientError, topic_right: str, group: str) -> str:
    """Which right, where `lacks_right`: that of the topic, as ``Read on topic t``, or else Describe on the group."""
    return f"Describe on group {group}" if error.name().startswith("GROUP") else topic_right


def check_files(settings: KafkaSettings) -> None:
    """The files that the settings name are there.

    Raises:
        MissingFileError: one is not.
    """
    names = (*(_FILES if settings.uses_tls else ()), *(("kafka_oauth_ssl_ca",) if settings.uses_oauth else ()))
    for name in names:
        path = getattr(settings, name)
        if path and not Path(path).is_file():
            raise MissingFileError(f"{name.upper()} is {path}, and there is no such file")


def login_refusal(settings: KafkaSettings, make_client: Callable[[dict[str, Any]], Client]) -> str | None:
    """Log in once, and say in one line why that cannot work; None where it does, or Kafka is away.

    Args:
        settings: how.
        make_client: confluent-kafka's AdminClient.
    """
    try:
        check_files(settings)
    except MissingFileError as error:
        return str(error)
    refusals = Refusals(settings)
    return refusals.by(make_client({**settings.librdkafka(), "log_level": 0, "error_cb": refusals.hear}))


class Refusals:
    """Listens to one client's errors, as its ``error_cb``, and tells an outage from a refusal."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._heard: list[tuple[str, str]] = []

    def hear(self, error: ClientError) -> None:
        """To be given to the client."""
        self._heard.append((error.name(), error.str()))

    @property
    def found(self) -> str | None:
        """Why no broker takes us and what to check, in one line; None while that may be an outage."""
        told = [(text, advice) for name, text in self._heard if (advice := self._advice(name, text))]
        if not told:
            return None
        # One of several brokers may be broken, and the others will do; there is one token endpoint.
        if not any(name == _NO_BROKER for name, _ in self._heard) and not any(_NO_TOKEN in text for text, _ in told):
            return None
        text, advice = told[0]
        return f"{' '.join(text.split())}. {advice}"

    def by(self, client: Client, timeout_s: float = 10.0) -> str | None:
        """Log in once: what ``found`` says; None when a broker answered, or is away for all of the time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            client.poll(0)
            if self.found:
                return f"Kafka at {self._settings.kafka_bootstrap_servers} and we do not come to terms: {self.found}"
            try:
                client.list_topics(timeout=_STEP_S)
            except Exception:  # noqa: BLE001, S112 - no broker yet; whose exception it is, only the client knows
                continue
            return None
        return None

    def _advice(self, name: str, text: str) -> str | None:
        if _NO_TOKEN in text:
            return self._token_advice(text)
        if name == "_AUTHENTICATION" and self._settings.uses_oauth:
            return "Check KAFKA_OAUTH_SCOPE, and that the brokers trust the issuer of KAFKA_OAUTH_TOKEN_URL's tokens"
        if name == "_AUTHENTICATION":
            return "Check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM"
        if _ALERT in text and any(one in text for one in _OUR_CERTIFICATE):
            # By TLS 1.3 a broker says so only once it is connected: librdkafka takes that for an outage.
            return (
                "Check KAFKA_SSL_CERTIFICATE and KAFKA_SSL_KEY: the brokers ask for a certificate that an authority of "
                "theirs has signed"
            )
        if name == "_SSL":
            return (
                "Check KAFKA_SSL_CA (the authorities that sign the brokers), KAFKA_SECURITY_PROTOCOL, and that the "
                "certificate is made out to the host in KAFKA_BOOTSTRAP_SERVERS"
            )
        return None

    def _token_advice(self, text: str) -> str | None:
        words = text.replace(":", " ").replace(",", " ").replace(")", " ").split()
        if any(one in text for one in _TOKEN_REFUSED) or any(one in words for one in _REFUSED_STATUS):
            return "Check KAFKA_OAUTH_CLIENT_ID, KAFKA_OAUTH_CLIENT_SECRET, KAFKA_OAUTH_SCOPE and KAFKA_OAUTH_TOKEN_URL"
        if "certificate" in text.lower() or "SSL" in text:
            return "Check KAFKA_OAUTH_SSL_CA (the authorities that sign the token endpoint)"
        return None
