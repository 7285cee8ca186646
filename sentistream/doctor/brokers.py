"""Are the brokers there: through the listener that is set, and at the addresses that they announce?"""

import socket
from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaException

from schemas.errors import MissingFileError
from schemas.kafka_refusals import check_files
from sentistream.doctor.cluster import Cluster, UnreachableError
from sentistream.doctor.finding import Finding, fail, ok, unchecked

_CONNECT_S: Final = 3.0
CHECK: Final = "brokers"


def check_brokers(cluster: Cluster) -> Iterator[Finding]:
    """One finding; `unchecked` says that nothing else of Kafka can be looked at."""
    connection = cluster.connection
    try:
        check_files(connection)
        nodes = cluster.nodes()
    except (MissingFileError, UnreachableError) as error:
        where, _, to_do = str(error).partition(". ")
        yield unchecked(CHECK, where, to_do or "Mend the path.")
        return
    except KafkaException as error:
        yield unchecked(CHECK, error.args[0].str(), "Look at the brokers' logs.")
        return
    login = f" with {connection.kafka_sasl_mechanism}" if connection.uses_sasl else ""
    addresses = [f"{node.host}:{node.port}" for node in nodes]
    if away := [address for address, node in zip(addresses, nodes, strict=True) if not _takes(node.host, node.port)]:
        yield fail(
            CHECK,
            f"brokers announce {', '.join(away)}, which this machine cannot reach",
            "Set advertised.listeners to what clients can reach, or open the network's way there.",
        )
        return
    yield ok(CHECK, f"{len(nodes)} at {', '.join(addresses)} in {connection.kafka_security_protocol}{login}")


def _takes(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_S):
            return True
    except OSError:
        return False
