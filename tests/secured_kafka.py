"""A broker with TLS, passwords, tokens and rights, its authority made for the occasion."""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Final, Literal

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from schemas.connections import KafkaSettings
from sentistream.embedded import EmbeddedKafka
from tests.token_server import AUDIENCE, CLIENT_ID, CLIENT_SECRET, ISSUER, SCOPE, TokenServer

USER: Final = "sentistream"
PASSWORD: Final = "not-a-secret"
#: Users of tests that are about the login alone.
SUPER_USERS: Final = ("user-SCRAM-SHA-256", "user-SCRAM-SHA-512", "failing")
Mechanism = Literal["SCRAM-SHA-256", "SCRAM-SHA-512"]
_MODULES: Final = "org.apache.kafka.common.security"
_PEM: Final = serialization.Encoding.PEM


def _stores(authority: Path, broker: Path) -> dict[str, str]:
    """What the broker shows, and whom it believes."""
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(broker),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
    }


def secured_kafka(folder: Path, tokens: TokenServer) -> EmbeddedKafka:
    """A broker, not started yet, that asks for SASL over TLS; its certificate's authority is in ``ca.pem``.

    One user logs in by PLAIN; `add_scram_user` makes others that log in by SCRAM; `oauth_login` is a client of the
    token server, whose sessions end with its tokens. Those here may do all; any other user, what it is given.
    """
    authority, broker = folder / "ca.pem", folder / "broker.pem"
    bearer = "listener.name.clients.oauthbearer."
    return EmbeddedKafka(
        folder,
        properties={
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:SASL_SSL",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # Nobody is anonymous but the controller, on a listener of its own.
            "super.users": ";".join(f"User:{name}" for name in ("ANONYMOUS", USER, *SUPER_USERS, CLIENT_ID)),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            f"{bearer}sasl.jaas.config": f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required;",
            f"{bearer}sasl.server.callback.handler.class": (
                f"{_MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
            # Kafka 4.1's default validator is the clients': it takes a token whoever has signed it.
            "sasl.oauthbearer.jwt.validator.class": f"{_MODULES}.oauthbearer.BrokerJwtValidator",
            "sasl.oauthbearer.jwks.endpoint.url": tokens.keys.as_uri(),
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "sasl.oauthbearer.expected.issuer": ISSUER,
            # A connection lives no longer than its token.
            f"{bearer}connections.max.reauth.ms": "3600000",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.clients.plain.sasl.jaas.config": (
                f'{_MODULES}.plain.PlainLoginModule required username="{USER}" password="{PASSWORD}" '
                f'user_{USER}="{PASSWORD}";'
            ),
            "listener.name.clients.scram-sha-256.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            **_stores(authority, broker),
        },
        client=KafkaSettings(
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="PLAIN",
            kafka_sasl_username=USER,
            kafka_sasl_password=PASSWORD,
            kafka_ssl_ca=str(authority),
        ),
        java_options=(f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={tokens.keys.as_uri()}",),
    )


def oauth_login(kafka: EmbeddedKafka, tokens: TokenServer) -> KafkaSettings:
    """How the token server's client reaches the broker."""
    login = {
        "kafka_sasl_mechanism": "OAUTHBEARER",
        "kafka_sasl_username": None,
        "kafka_sasl_password": None,
        "kafka_oauth_token_url": tokens.url,
        "kafka_oauth_client_id": CLIENT_ID,
        "kafka_oauth_client_secret": SecretStr(CLIENT_SECRET),
        "kafka_oauth_scope": SCOPE,
        "kafka_oauth_ssl_ca": kafka.connection.kafka_ssl_ca,
    }
    return kafka.connection.model_copy(update=login)


def add_scram_user(kafka: EmbeddedKafka, mechanism: Mechanism, user: str, password: str) -> KafkaSettings:
    """How the new user reaches the broker."""
    kind = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}[mechanism]
    change = UserScramCredentialUpsertion(user, ScramCredentialInfo(kind, iterations=4096), password.encode())
    admin = AdminClient(kafka.connection.librdkafka())
    for done in admin.alter_user_scram_credentials([change]).values():
        done.result(20)
    login = {
        "kafka_sasl_mechanism": mechanism,
        "kafka_sasl_username": user,
        "kafka_sasl_password": SecretStr(password),
    }
    return kafka.connection.model_copy(update=login)


def mutual_tls_kafka(folder: Path) -> EmbeddedKafka:
    """A broker, not started yet, that takes nobody without a certificate of its authority; `connection` has one."""
    authority, broker = folder / "ca.pem", folder / "broker.pem"
    certificate, key = folder / "client.pem", folder / "client.key"
    write_certificates(authority, broker, client=(certificate, key))
    return EmbeddedKafka(
        folder,
        properties={
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:SSL",
            "ssl.client.auth": "required",
            **_stores(authority, broker),
        },
        client=KafkaSettings(
            kafka_security_protocol="SSL",
            kafka_ssl_ca=str(authority),
            kafka_ssl_certificate=str(certificate),
            kafka_ssl_key=str(key),
        ),
    )


def write_certificates(authority: Path, server: Path, client: tuple[Path, Path] | None = None) -> None:
    """One authority, and a certificate for 127.0.0.1 behind its key, as Kafka reads them from one PEM file.

    Args:
        authority: where the authority's certificate goes.
        server: where the server's key and certificates go.
        client: where a client's certificate and its key go, if there is to be one.
    """
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name("Test authority")
    root = (
        _certificate(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = (
        _certificate(_name("127.0.0.1"), root_name, key)
        .add_extension(addresses, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    authority.write_bytes(root.public_bytes(_PEM))
    server.write_bytes(_private(key) + leaf.public_bytes(_PEM) + root.public_bytes(_PEM))
    if client is not None:
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(_name(USER), root_name, key).sign(root_key, hashes.SHA256())
        client[0].write_bytes(leaf.public_bytes(_PEM))
        client[1].write_bytes(_private(key))


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
    )
