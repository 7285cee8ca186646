"""What a batch asks Kafka does not wait for the end of a fetch."""

import asyncio
from typing import Any

from aiokafka.client import ConnectionGroup
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest

from streams.transport import _beside_fetches


def test_only_questions_about_offsets_go_beside_the_fetches() -> None:
    sent: list[dict[str, Any]] = []

    async def send(node: int, request: object, **given: Any) -> int:
        del request
        sent.append(given)
        return node

    beside = _beside_fetches(send)

    async def ask() -> list[int]:
        return [await beside(7, one) for one in (OffsetRequest(-1, "read_committed", []), MetadataRequest([]))]

    assert asyncio.run(ask()) == [7, 7]
    assert sent == [{"group": ConnectionGroup.COORDINATION}, {}]
