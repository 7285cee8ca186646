"""The app on a real server, and a client that reads server-sent events."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from console.api.app import feed_of
from tests.console.api.rig import Rig
from tests.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event."""

    id: str
    kind: str
    data: Any


@contextmanager
def served(rig: Rig) -> Iterator[str]:
    """Its address."""
    server = uvicorn.Server(uvicorn.Config(rig.app, port=0, log_config=None, lifespan="off", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, "the server")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        feed_of(rig.app).stop()
        server.should_exit = True
        thread.join()


@contextmanager
def stream(address: str, token: str, query: str = "", last: str | None = None) -> Iterator[Iterator[Message]]:
    """Messages of a live stream."""
    headers = {"Authorization": f"Bearer {token}"} | ({} if last is None else {"Last-Event-ID": last})
    with (
        httpx.Client(timeout=30) as client,
        client.stream("GET", f"{address}/api/v1/events/stream{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        yield messages(answer.iter_lines())


def messages(lines: Iterator[str]) -> Iterator[Message]:
    """As the HTML standard has them, as far as we send it."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Message(fields.get("id", ""), fields.get("event", "message"), json.loads(fields["data"]))
            fields = {}
