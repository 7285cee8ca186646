"""A broker with TLS and passwords, its authority made for the occasion."""

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

USER: Final = "sentistream"
PASSWORD: Final = "not-a-secret"
Mechanism = Literal["SCRAM-SHA-256", "SCRAM-SHA-512"]
_MODULES: Final = "org.apache.kafka.common.security"


def secured_kafka(folder: Path) -> EmbeddedKafka:
    """A broker, not started yet, that asks for SASL over TLS; its certificate's authority is in ``ca.pem``.

    One user logs in by PLAIN; `add_scram_user` makes others that log in by SCRAM.
    """
    authority, broker = folder / "ca.pem", folder / "broker.pem"
    write_certificates(authority, broker)
    return EmbeddedKafka(
        folder,
        properties={
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:SASL_SSL",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.clients.plain.sasl.jaas.config": (
                f'{_MODULES}.plain.PlainLoginModule required username="{USER}" password="{PASSWORD}" '
                f'user_{USER}="{PASSWORD}";'
            ),
            "listener.name.clients.scram-sha-256.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(broker),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(authority),
        },
        client=KafkaSettings(
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="PLAIN",
            kafka_sasl_username=USER,
            kafka_sasl_password=PASSWORD,
            kafka_ssl_ca=str(authority),
        ),
    )


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


def write_certificates(authority: Path, server: Path) -> None:
    """One authority, and a certificate for 127.0.0.1 behind its key, as Kafka reads them from one PEM file."""
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
    pem = serialization.Encoding.PEM
    authority.write_bytes(root.public_bytes(pem))
    server.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(pem)
        + root.public_bytes(pem)
    )


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
