"""Whether Kafka tells this login who coordinates a transactional id; librdkafka asks only when it takes the id over."""

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, TransactionalIdAuthorizationFailed

from schemas.connections import KafkaSettings

_TRANSACTION = 1


def may_be_described(connection: KafkaSettings, transactional_id: str) -> bool:
    """True unless the broker says that we may not; aiokafka.errors.KafkaError where it says something else."""
    try:
        asyncio.run(_ask(connection, transactional_id))
    except TransactionalIdAuthorizationFailed:
        return False
    except GroupCoordinatorNotAvailableError:
        # There was no transaction on this cluster yet; rights are looked at before that.
        return True
    return True


async def _ask(connection: KafkaSettings, transactional_id: str) -> None:
    # faust comes with it, which takes a second to import.
    from streams.kafka_security import aiokafka_options

    admin: Any = AIOKafkaAdminClient(**aiokafka_options(connection), request_timeout_ms=15_000)
    await admin.start()
    try:
        await admin.find_coordinator(transactional_id, _TRANSACTION)
    finally:
        await admin.close()
