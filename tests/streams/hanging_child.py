"""A stream whose end hangs somewhere: `python -m tests.streams.hanging_child PART`; neither Kafka nor Redis is asked.

Parts:
    stop: faust does not come back from its stop.
    close: what is closed after it does not.
    loop: the event loop itself is stuck, in its work.
    thread: one that Python waits for at its end goes on for ever.
"""

import asyncio
import sys
import threading
from types import SimpleNamespace
from typing import Any

import structlog

from schemas import last_resort
from sentistream.logs import configure_logging
from streams import service
from streams.settings import StreamsSettings
from streams.topic_watch import TopicWatch

log = structlog.get_logger()


def hang() -> None:
    """As a thread that waits for a broker for ever."""
    threading.Event().wait()


class _App:
    consumer = producer = agents = None

    def __init__(self, part: str) -> None:
        self._part = part

    async def start(self) -> None:
        log.info("streams_ready")
        if self._part == "loop":
            hang()

    async def stop(self) -> None:
        if self._part == "stop":
            await asyncio.Event().wait()
        if self._part == "thread":
            threading.Thread(target=hang, name="consumer").start()


class _Store:
    async def ping(self) -> None:
        """It is well."""


def main(part: str) -> int:
    """The stream's exit status, where it gets so far."""
    facts: Any = SimpleNamespace(topic_id="a", partitions=1, retention_s=1.0)
    vars(last_resort).update(PYTHON_S=1.0)
    vars(service).update(
        topic_facts=lambda *_: facts,
        check_group=lambda *_: None,
        parts_builder=lambda *_: None,
    )

    async def serve(one: service._Service) -> int:
        app, intake, store = (_App(part), SimpleNamespace(stuck_s=0.0), _Store())
        topics = TopicWatch(one._settings, facts, intake)  # type: ignore[arg-type]
        status = await one._until_stopped(app, intake, store, topics)  # type: ignore[arg-type]
        if part == "close":
            hang()
        return status

    service._Service.serve = serve  # type: ignore[method-assign, assignment]
    if part != "loop":
        return service.run(StreamsSettings(stop_deadline_s=1.0))
    # Progress must have the longest deadline.
    return service.run(
        StreamsSettings(send_deadline_s=0.1, redis_deadline_s=0.1, rebuild_deadline_s=0.1, progress_deadline_s=1.0)
    )


if __name__ == "__main__":
    configure_logging()
    sys.exit(main(sys.argv[1]))
