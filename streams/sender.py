"""Requests to Kafka: one record batch per partition at a time, confirmed before the next."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

import faust
from aiokafka.errors import InvalidTimestampError, KafkaError, MessageSizeTooLargeError

from streams.batch import Outgoing
from streams.errors import SendError
from streams.metrics import SEND_SECONDS

#: A record batch counts as one message for the topic's limit of 2 MiB.
MAX_BATCH_BYTES: Final = 1024 * 1024
#: Where starting again alone does not help.
_ADVICE: Final[dict[type[Exception], str]] = {
    MessageSizeTooLargeError: "raise that topic's max.message.bytes (see `sentistream topics`), then start again",
    InvalidTimestampError: "set this machine's clock, which is ahead of what Kafka takes, then start again",
}


class Sender:
    """Writes ``sanm.requests`` with a faust app's producer."""

    def __init__(self, app: faust.App, topic: str, deadline_s: float) -> None:
        self._app = app
        self._topic = topic
        self._deadline_s = deadline_s

    async def send(self, by_partition: Sequence[Sequence[Outgoing]]) -> None:
        """Returns when all are confirmed. After a failure, nothing more goes out.

        Raises:
            SendError: Kafka did not confirm each of them.
        """
        # faust's own send awaits so much per message that its batches hold one or two: a third of the rate.
        producer = self._app.producer._ensure_producer()  # noqa: SLF001
        try:
            with SEND_SECONDS.time():
                async with asyncio.timeout(self._deadline_s):
                    for wave in zip_longest(*(_batches(producer, requests) for requests in by_partition)):
                        await self._send_wave(producer, [one for one in wave if one is not None])
        except (KafkaError, TimeoutError) as error:
            msg = f"Kafka did not confirm all requests of a batch for {self._topic}: {type(error).__name__} {error}"
            advice = _ADVICE.get(type(error), "start again")
            raise SendError(f"{msg}. Nothing of the batch is committed; {advice}.") from error

    async def _send_wave(self, producer: Any, wave: Sequence[tuple[int, Any]]) -> None:
        waiting = [await producer.send_batch(batch, self._topic, partition=partition) for partition, batch in wave]
        for future in waiting:
            await future


def _batches(producer: Any, requests: Sequence[Outgoing]) -> Iterator[tuple[int, Any]]:
    """Record batches of one partition, in order; a record larger than a batch gets one of its own."""
    batch = None
    for one in requests:
        record = {"key": one.key, "value": one.value, "timestamp": None, "headers": list(one.headers)}
        if batch is None or batch.append(**record) is None:
            if batch is not None:
                yield one.partition, batch
            batch = producer.create_batch()
            batch.append(**record)
    if batch is not None:
        yield requests[-1].partition, batch
