"""How to reach Kafka and Redis: addresses, TLS, SASL, passwords. Data only; each service builds its own client."""

from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """The connection to Kafka, by the names that librdkafka uses."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    kafka_bootstrap_servers: str = Field(default="localhost:9092", description="host:port of one or more brokers.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How to talk to the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How to log in, with a SASL protocol."
    )
    kafka_sasl_username: str | None = Field(default=None, description="User name for SASL.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="Password for SASL.")
    kafka_ssl_ca: str | None = Field(default=None, description="PEM file of the authorities that sign the brokers.")
    kafka_ssl_certificate: str | None = Field(default=None, description="PEM file of our certificate (mutual TLS).")
    kafka_ssl_key: str | None = Field(default=None, description="PEM file of our key (mutual TLS).")
    kafka_session_timeout_ms: int = Field(
        default=45_000, ge=1_000, description="A process that is silent for so long loses its partitions."
    )

    @property
    def uses_tls(self) -> bool:
        """The connection is encrypted."""
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        """The connection needs a login."""
        return self.kafka_security_protocol.startswith("SASL")

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
            config["sasl.username"] = self.kafka_sasl_username or ""
            config["sasl.password"] = self.kafka_sasl_password.get_secret_value() if self.kafka_sasl_password else ""
        files = {
            "ssl.ca.location": self.kafka_ssl_ca,
            "ssl.certificate.location": self.kafka_ssl_certificate,
            "ssl.key.location": self.kafka_ssl_key,
        }
        if self.uses_tls:
            config.update({name: path for name, path in files.items() if path})
        return config


class RedisSettings(BaseSettings):
    """The connection to Redis. ``rediss://`` in the address turns TLS on."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    redis_url: str = Field(default="redis://localhost:6379/0", description="Address of Redis; rediss:// for TLS.")
    redis_username: str | None = Field(default=None, description="User name (Redis ACL).")
    redis_password: SecretStr | None = Field(default=None, description="Password.")
    redis_ssl_ca: str | None = Field(default=None, description="PEM file of the authorities that sign Redis.")
    redis_cluster: bool = Field(default=False, description="The address is one of a Redis Cluster.")

    def redis_py(self) -> tuple[str, dict[str, str]]:
        """The address without its login, and options as redis-py takes them.

        A user name and a password in the settings count more than those in the address; redis-py has it the other way.
        """
        address = urlsplit(self.redis_url)
        given = {
            "username": self.redis_username or unquote(address.username or ""),
            "password": self.redis_password.get_secret_value()
            if self.redis_password
            else unquote(address.password or ""),
            "ssl_ca_certs": (self.redis_ssl_ca or "") if address.scheme == "rediss" else "",
        }
        url = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
        return url, {name: value for name, value in given.items() if value}
