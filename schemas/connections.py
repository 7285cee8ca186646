"""How to reach Kafka and Redis: addresses, TLS, SASL, passwords. Data only; each service builds its own client."""

from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, model_validator

from schemas.authorities import machine_authorities
from schemas.errors import SecretFileError
from schemas.secret_files import SecretSettings

_OAUTH_NEEDS = ("kafka_oauth_token_url", "kafka_oauth_client_id")


class KafkaSettings(SecretSettings):
    """The connection to Kafka, by the names that librdkafka uses."""

    kafka_bootstrap_servers: str = Field(default="localhost:9092", description="host:port of one or more brokers.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How to talk to the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        default="SCRAM-SHA-512", description="How to log in, with a SASL protocol."
    )
    kafka_sasl_username: str | None = Field(default=None, description="User name for SASL.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="Password for SASL.")
    kafka_sasl_password_file: Path | None = Field(default=None, description="File with this password.")
    kafka_oauth_token_url: str | None = Field(
        default=None, description="Where OAUTHBEARER gets its tokens: the token endpoint (client credentials)."
    )
    kafka_oauth_client_id: str | None = Field(default=None, description="Client id at the token endpoint.")
    kafka_oauth_client_secret: SecretStr | None = Field(default=None, description="Client secret for it.")
    kafka_oauth_client_secret_file: Path | None = Field(default=None, description="File with this client secret.")
    kafka_oauth_scope: str | None = Field(default=None, description="Scope to ask for, where the endpoint wants one.")
    kafka_oauth_ssl_ca: str | None = Field(
        default=None, description="PEM file of the authorities that sign the token endpoint, if not the machine's own."
    )
    kafka_ssl_ca: str | None = Field(default=None, description="PEM file of the authorities that sign the brokers.")
    kafka_ssl_certificate: str | None = Field(default=None, description="PEM file of our certificate (mutual TLS).")
    kafka_ssl_key: str | None = Field(default=None, description="PEM file of our key (mutual TLS).")
    kafka_session_timeout_ms: int = Field(
        default=45_000, ge=1_000, description="A process that is silent for so long loses its partitions."
    )

    @model_validator(mode="after")
    def _oauth_is_whole(self) -> Self:
        if not self.uses_oauth:
            return self
        missing = [name.upper() for name in _OAUTH_NEEDS if not getattr(self, name)]
        if not self.secret("kafka_oauth_client_secret"):
            missing.append("KAFKA_OAUTH_CLIENT_SECRET")
        if missing:
            raise ValueError(f"KAFKA_SASL_MECHANISM is OAUTHBEARER, which needs {', '.join(missing)} too")
        return self

    @property
    def uses_tls(self) -> bool:
        """The connection is encrypted."""
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        """The connection needs a login."""
        return self.kafka_security_protocol.startswith("SASL")

    @property
    def uses_oauth(self) -> bool:
        """The login is a token of an authorisation server."""
        return self.uses_sasl and self.kafka_sasl_mechanism == "OAUTHBEARER"

    def librdkafka(self) -> dict[str, str | int | float | bool]:
        """Client settings as confluent-kafka takes them."""
        config: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.kafka_bootstrap_servers,
            "security.protocol": self.kafka_security_protocol,
            # As Java's clients do: small requests of a transaction would wait for the acknowledgement of those before.
            "socket.nagle.disable": True,
        }
        if self.uses_sasl:
            config["sasl.mechanism"] = self.kafka_sasl_mechanism
            config.update(self._oauth() if self.uses_oauth else self._password())
        files = {
            "ssl.ca.location": self.kafka_ssl_ca,
            "ssl.certificate.location": self.kafka_ssl_certificate,
            "ssl.key.location": self.kafka_ssl_key,
        }
        if self.uses_tls:
            config.update({name: path for name, path in files.items() if path})
        return config

    def librdkafka_reader(self, group: str) -> dict[str, str | int | float | bool]:
        """For a consumer outside every group, which sees what is committed and says where a partition ends.

        Args:
            group: named, but never joined or committed; Kafka wants the right to describe it all the same.
        """
        return {
            **self.librdkafka(),
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            # The only sure sign of the end: offsets have holes where compaction and transactions were.
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }

    def _password(self) -> dict[str, str]:
        return {
            "sasl.username": self.kafka_sasl_username or "",
            "sasl.password": self.secret("kafka_sasl_password") or "",
        }

    def _oauth(self) -> dict[str, str]:
        """With this, librdkafka fetches and renews tokens by itself (client credentials)."""
        given = {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.token.endpoint.url": self.kafka_oauth_token_url,
            "sasl.oauthbearer.client.id": self.kafka_oauth_client_id,
            "sasl.oauthbearer.client.secret": self.secret("kafka_oauth_client_secret"),
            "sasl.oauthbearer.scope": self.kafka_oauth_scope,
            "https.ca.location": self.kafka_oauth_ssl_ca or machine_authorities(),
        }
        return {name: value for name, value in given.items() if value}


class RedisSettings(SecretSettings):
    """The connection to Redis. ``rediss://`` in the address turns TLS on."""

    redis_url: str = Field(default="redis://localhost:6379/0", description="Address of Redis; rediss:// for TLS.")
    redis_username: str | None = Field(default=None, description="User name (Redis ACL).")
    redis_password: SecretStr | None = Field(default=None, description="Password.")
    redis_password_file: Path | None = Field(
        default=None, description="File with this password, read again at each new connection."
    )
    redis_ssl_ca: str | None = Field(default=None, description="PEM file of the authorities that sign Redis.")
    redis_cluster: bool = Field(default=False, description="The address is one of a Redis Cluster.")

    def redis_py(self) -> tuple[str, dict[str, Any]]:
        """The address without its login, and options as redis-py takes them.

        A user name and a password in the settings count more than those in the address; redis-py has it the other way.
        """
        address = urlsplit(self.redis_url)
        user = self.redis_username or unquote(address.username or "")
        options: dict[str, Any] = {"ssl_ca_certs": (self.redis_ssl_ca or "") if address.scheme == "rediss" else ""}
        if self.redis_password_file is not None:
            options["credential_provider"] = RedisLogin(self, user)
        else:
            options |= {"username": user, "password": self.secret("redis_password") or unquote(address.password or "")}
        url = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
        return url, {name: value for name, value in options.items() if value}


class RedisLogin:
    """What redis-py asks at each new connection: a password that was changed in its file is known at the next."""

    def __init__(self, settings: RedisSettings, user: str) -> None:
        self._settings = settings
        self._user = user

    def get_credentials(self) -> tuple[str, str] | tuple[str]:
        """User and password, or the password alone.

        Raises:
            ConnectionError: the file is not there now, which waiting may mend.
        """
        try:
            password = self._settings.secret("redis_password") or ""
        except SecretFileError as error:
            raise ConnectionError(str(error)) from error
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str, str] | tuple[str]:
        """The same; the file is small and local."""
        return self.get_credentials()
