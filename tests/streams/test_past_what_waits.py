"""What a batch asks Kafka does not wait for the end of a fetch, nor leaving the group for that of a join."""

import asyncio
from typing import Any

from aiokafka.client import ConnectionGroup
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest

from streams.transport import _LEAVING, _past_what_waits


def test_questions_about_offsets_and_leaving_have_other_connections() -> None:
    sent: list[dict[str, Any]] = []

    async def send(node: int, request: object, **given: Any) -> int:
        del request
        sent.append(given)
        return node

    past = _past_what_waits(send)

    async def ask() -> list[int]:
        requests = (OffsetRequest(-1, "read_committed", []), LeaveGroupRequest("g", "m"), MetadataRequest([]))
        return [await past(7, one) for one in requests]

    assert asyncio.run(ask()) == [7, 7, 7]
    assert sent == [{"group": ConnectionGroup.COORDINATION}, {"group": _LEAVING}, {}]
