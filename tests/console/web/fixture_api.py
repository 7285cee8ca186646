"""The API's paths answered from a believable world, under the real one's Content-Security-Policy."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from console.api import models as m
from console.codes import ProblemCode
from tests.console.web import believable, believable_rest, believable_unseen
from tests.console.web.believable import World
from tests.waiting import wait_for

WEB = Path(__file__).parents[3] / "console" / "web"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass
class Stage:
    """What the server answers; tests change it while it runs.

    Attributes:
        down: every question is answered with a problem.
        sick: the health says that the worker is gone; `unseen`: that Kafka cannot be asked, or does not show a group.
        trouble: the registry does not answer.
        still: after its beginning the stream says nothing.
        own_labels: of a label set besides the built-in ones.
        rate: new events a second in the stream.
        written: bodies of POST and paths of DELETE, in order.
    """

    world: World = field(default_factory=believable.world)
    down: bool = False
    sick: bool = False
    unseen: Literal["kafka", "worker"] | None = None
    trouble: bool = False
    still: bool = False
    own_labels: tuple[str, ...] = ()
    rate: int = 0
    role: m.Role = "operator"
    signed_in: bool = True
    written: list[tuple[str, Any]] = field(default_factory=list)
    extra: list[m.EventDetail] = field(default_factory=list)


def _problem(status: int, code: ProblemCode, title: str, detail: str) -> JSONResponse:
    body = m.Problem(type=f"/problems/{code}", title=title, status=status, detail=detail, code=code)
    return JSONResponse(body.model_dump(mode="json"), status, media_type="application/problem+json")


def _me(stage: Stage) -> m.Me:
    return m.Me(
        name="mei", role=stage.role, tenant=None, may_label=stage.role != "viewer", may_replay=stage.role == "operator",
        may_release=stage.role == "operator", expires_at=None, server_time=datetime.now(UTC),
    )  # fmt: skip


def _detail(stage: Stage, name: str) -> m.ConversationDetail | None:
    turns = tuple(one for one in (*stage.world.events, *stage.extra) if one.conversation_id == name)
    if not turns:
        return None
    shown = World(stage.world.now, turns)
    return m.ConversationDetail(conversation=believable.conversation(shown, name), turns=turns[-100:], next_cursor=None)


async def _stream(stage: Stage, backlog: int, label: str | None) -> AsyncIterator[bytes]:
    def message(kind: str, body: BaseModel) -> bytes:
        return b"event: %s\nid: 1\ndata: %s\n\n" % (kind.encode(), orjson.dumps(body.model_dump(mode="json")))

    def passing(events: list[m.EventDetail]) -> tuple[m.EventRow, ...]:
        return tuple(believable.row(one) for one in events if label is None or one.label == label)

    sent = len(stage.extra)
    first = [*stage.world.events, *stage.extra][-backlog:] if backlog else []
    if first:
        yield message("events", m.StreamEvents(events=passing(first)))
    number = len(stage.world.events)
    total = len(stage.world.events)
    for turn in range(1_000_000):
        if turn % 10 == 0 and not (turn and stage.still):
            yield message(
                "pulse",
                m.StreamPulse(
                    server_time=datetime.now(UTC), per_second=float(stage.rate or 3), total=total, newest_sent_at=None
                ),
            )
        fresh = stage.extra[sent:]
        sent += len(fresh)
        for _ in range(stage.rate // 5):
            number += 1
            fresh.append(believable.event(number, datetime.now(UTC), conversation=f"room-{number % 9}"))
        if fresh:
            total += len(fresh)
            yield message("events", m.StreamEvents(events=passing(fresh)))
        await asyncio.sleep(0.2)


def make_fixture_app(stage: Stage) -> FastAPI:  # noqa: C901 - a flat list of paths
    """The app."""
    app = FastAPI()
    simple = {
        "/trends": believable.trends,
        "/review": believable_rest.review,
        "/labels": believable_rest.labels,
        "/agreement": believable_rest.agreement,
        "/alerts": believable_rest.alerts,
        "/alerts/rules": believable_rest.rules,
        "/dead-letters": believable_rest.dead_letters,
    }

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        path = request.url.path
        if path.startswith("/api/v1") and stage.down and path not in ("/api/v1/me", "/api/v1/taxonomies"):
            return _problem(
                503, "store", "The event store does not answer", "See that the database runs, then try again."
            )
        if path.startswith("/api/v1") and not stage.signed_in and path != "/api/v1/session":
            return _problem(401, "token", "Nobody is signed in", "Send a token, or open the printed link.")
        answer: Response = await call_next(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    @app.get("/api/v1/me")
    def me() -> m.Me:
        return _me(stage)

    @app.get("/api/v1/taxonomies")
    def taxonomies() -> m.Taxonomies:
        return believable.taxonomies(stage.world, stage.own_labels)

    @app.get("/api/v1/health")
    def health() -> m.Health:
        if stage.unseen is not None:
            return believable_unseen.health(stage.world, stage.unseen)
        return believable_rest.health(stage.world, down=stage.sick)

    @app.get("/api/v1/conversations")
    def conversations() -> m.ConversationPage:
        return m.ConversationPage(conversations=tuple(believable.conversations(stage.world)), next_cursor=None)

    @app.get("/api/v1/conversations/{name:path}", response_model=m.ConversationDetail)
    def conversation(name: str) -> object:
        return _detail(stage, name) or _problem(
            404, "conversation", "Not there", "No conversation of this id is stored: see the list."
        )

    @app.get("/api/v1/events/stream")
    async def stream(backlog: int = 0, label: str | None = None) -> StreamingResponse:
        return StreamingResponse(_stream(stage, backlog, label), media_type="text/event-stream")

    @app.get("/api/v1/events/{event_id:path}", response_model=m.EventDetail)
    def event(event_id: str) -> object:
        found = [one for one in (*stage.world.events, *stage.extra) if one.event_id == event_id]
        return found[0] if found else _problem(404, "event", "Not there", "No event of this id is stored.")

    @app.get("/api/v1/adapters")
    def adapters() -> m.Adapters:
        found = believable_rest.adapters(stage.world)
        return believable_unseen.without_registry(found) if stage.trouble else found

    for path, make in simple.items():
        app.get(f"/api/v1{path}")(lambda make=make: make(stage.world))

    @app.post("/api/v1/{path:path}")
    async def write(path: str, request: Request) -> Response:
        body = await request.json()
        stage.written.append((path, body))
        if path == "session":
            stage.signed_in = body["token"] == "right"
            return (
                JSONResponse({})
                if stage.signed_in
                else _problem(401, "token", "Unknown token", "Check it, or ask for a new one.")
            )
        if path.startswith("adapters"):
            return JSONResponse(
                stage.written and believable_rest.adapters(stage.world).history[0].model_dump(mode="json")
            )
        if path == "dead-letters/replay":
            counts = {"replay": 3, "not_readable": 1}
            attempts = [{"place": "3:17", "outcome": "replay", "detail": "back"}] * 4
            return JSONResponse({"dry_run": body.get("dry_run", False), "attempts": attempts, "counts": counts})
        return JSONResponse(
            {"label": believable_rest.given(stage.world).model_dump(mode="json"), "partition": 0, "offset": 1}, 201
        )

    @app.delete("/api/v1/{path:path}")
    def remove(path: str) -> Response:
        stage.written.append((f"delete {path}", None))
        return JSONResponse({})

    app.mount("/", StaticFiles(directory=WEB, html=True))
    return app


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Run an app on a free port of this machine; yields its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started, "the fixture's server to start")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(5)


if __name__ == "__main__":
    with serve(make_fixture_app(Stage(rate=5))) as address:
        print(address, flush=True)  # noqa: T201 - for whoever develops the page
        time.sleep(3600)
