"""Row `console_api`: how long each of the console's views takes with a million events stored, over real HTTP."""

import json
import os
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import uvicorn
from pydantic import SecretStr
from sqlalchemy import select

from bench.console_load import events, load
from bench.console_outside import Outside
from bench.console_people import alert_some, label_some
from bench.figures import Figure, say, working
from console.access.tokens import Tokens
from console.api.app import Made, feed_of, make_app
from console.api.models.alerts import AlertRule, AlertRules
from console.api.settings import ApiSettings
from console.ports import Ports
from console.settings import DatabaseSettings
from console.store.database import Database, database_url
from console.store.lease import WriterLease
from console.store.migrate import migrate
from console.store.progress import stored_spots
from console.store.rows import Place, PlacedEvent
from console.store.tables import Event
from console.store.writer import Batch, Writer
from schemas.event import EmotionEvent, Times

ROW: Final = "console_api"
EVENTS: Final = int(os.environ.get("BENCH_EVENTS", "1000000"))
REPEATS: Final = int(os.environ.get("BENCH_REPEATS", "60"))
_TARGET_MS: Final = 300.0
_FIRST: Final = "live, the stream's first message"

#: View to the requests that it makes when it is opened; `{...}` are filled in from what is there.
VIEWS: Final[dict[str, tuple[str, ...]]] = {
    "live": ("events?limit=100",),
    "live, one label": ("events?limit=100&label=fear",),
    "live, filters that few pass": (
        "events?limit=100&label=fear&sentiment=negative&language=de&tenant=umbrella&min_confidence=0.9",
    ),
    "live, filters that none pass": ("events?limit=100&label=nothing&adapter=v99&tenant=acme",),
    "live, one tenant": ("events?limit=100&tenant=globex",),
    "live, a later page": ("events?limit=100&cursor={cursor}",),
    "conversations": ("conversations?limit=50",),
    "conversations, rising": ("conversations?sort=rising&limit=20",),
    "conversation": ("conversations/{conversation}?limit=100&tenant={tenant}",),
    "trends, a day": ("trends",),
    "trends, eight hours by the minute": ("trends?bucket=minute&since={eight_hours}",),
    "trends, all by the hour": ("trends?bucket=hour&since={all}",),
    "review": ("review?limit=20",),
    "review, one language": ("review?limit=20&language=zh",),
    "review, second opinions": ("review?limit=20&labelled=others",),
    "review, one message": ("events/{event}",),
    "alerts": ("alerts?limit=50", "alerts/rules"),
    "alerts, one tenant's": ("alerts?limit=50&tenant=globex&severity=critical",),
    "agreement": ("agreement", "labels?limit=8"),
    "model": ("adapters",),
    "health": ("health",),
    "health, dead letters": ("dead-letters?limit=20",),
    "filters on offer": ("taxonomies",),
}


def measure() -> list[Figure]:
    """Each view, its p50 and p95 over a real socket; in a store of BENCH_DATABASE, or in one that is made for it."""
    with _store() as database, _served(database) as (address, token):
        client = httpx.Client(base_url=f"{address}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        known, count = _known(client), client.get("health").json()["store"]["events"]
        figures = [
            _figure(view, count, _times(client, [one.format(**known) for one in paths]))
            for view, paths in VIEWS.items()
        ]
        figures.append(_figure(_FIRST, count, [_first(client) for _ in range(REPEATS)]))
        figures += _live(database, address, token)
    return figures


def _first(client: httpx.Client) -> float:
    """Until the stream that Live opens has said what there is, in milliseconds."""
    began = time.perf_counter()
    with client.stream("GET", "events/stream?backlog=80") as stream:
        next(line for line in stream.iter_lines() if line.startswith("data: "))
        return (time.perf_counter() - began) * 1000


def _figure(view: str, count: int, times: list[float]) -> Figure:
    p95 = _p95(times)
    say(f"  {view}: p95 {p95:.0f} ms")
    return Figure(
        ROW,
        f"{view}, {count:,} events, p95",
        p95,
        "ms",
        target=f"{_TARGET_MS:.0f} ms",
        met=p95 <= _TARGET_MS,
        note=f"p50 {statistics.median(times):.0f} ms, most {max(times):.0f} ms, of {len(times)}",
    )


def _times(client: httpx.Client, paths: list[str]) -> list[float]:
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for path in paths:
            client.get(path).raise_for_status()
        found.append((time.perf_counter() - began) * 1000)
    # The first ones also warm the caches of a process that has just begun.
    return found


def _live(database: Database, address: str, token: str) -> list[Figure]:
    """What one live stream gets while the store takes 500 events a second."""
    seconds, rate, step = 10, 500, 0.1
    arrived: list[float] = []
    headers, query = {"Authorization": f"Bearer {token}"}, "every=true"
    with (
        httpx.Client(timeout=60) as client,
        client.stream("GET", f"{address}/api/v1/events/stream?{query}", headers=headers) as stream,
    ):
        lines = stream.iter_lines()
        next(line for line in lines if line == "event: pulse")
        writing = threading.Thread(target=_write, args=(database, seconds, rate, step))
        writing.start()
        for line in lines:
            if line.startswith("data: ") and '"events":[{' in line:
                now = time.time()
                arrived += [now - _parsed(one["sent_at"]).timestamp() for one in json.loads(line[6:])["events"]]
            if len(arrived) >= seconds * rate:
                break
        writing.join()
    delay = _p95([one * 1000 for one in arrived])
    return [
        Figure(ROW, f"live stream at {rate} events/s, none left out", len(arrived), "events", seconds * rate),
        Figure(ROW, "live stream, sent to received, p95", delay, "ms", note="the store takes batches of 50 here"),
    ]


def _write(database: Database, seconds: int, rate: int, step: float) -> None:
    lease = WriterLease(database, 600)
    if not lease.take():
        raise SystemExit("another process writes to this store")
    writer = Writer(database, lease)
    made = events(seconds * rate, seed=11)
    run, count = secrets.token_hex(4), int(rate * step)
    begin = time.monotonic()
    with database.reading() as connection:
        spots = stored_spots(connection)
    for number in range(int(seconds / step)):
        time.sleep(max(begin + number * step - time.monotonic(), 0))
        writer.write(Batch([_fresh(next(made), f"{run}-{number}-{one}") for one in range(count)], spots, {}))
    lease.give_back()


def _fresh(event: EmotionEvent, name: str) -> PlacedEvent:
    now = datetime.now(UTC)
    steps = ("sent_at", "received_at", "requested_at", "taken_at", "decided_at")
    changed = {"event_id": name, "times": Times(**dict.fromkeys(steps, now))}
    return PlacedEvent(event.model_copy(update=changed), Place("bench", 0, event.source.offset))


def _known(client: httpx.Client) -> dict[str, str]:
    page = client.get("events?limit=500").json()
    newest = page["events"][0]
    conversation = client.get("conversations?limit=1").json()["conversations"][0]
    sent = _parsed(newest["sent_at"])
    return {
        "cursor": page["next_cursor"],
        "event": newest["event_id"],
        "conversation": conversation["conversation_id"],
        "tenant": conversation["tenant"],
        "eight_hours": _text(sent - timedelta(hours=8)),
        "all": _text(sent - timedelta(days=14)),
    }


@contextmanager
def _store() -> Iterator[Database]:
    """That of BENCH_DATABASE, a file or an URL, which is filled where it is empty; or one that goes with the bench."""
    with tempfile.TemporaryDirectory(prefix="bench-console-") as folder:
        given = os.environ.get("BENCH_DATABASE", str(Path(folder) / "events.db"))
        secret = SecretStr(given) if "://" in given else None
        settings = DatabaseSettings(store_database=Path(given), store_database_url=secret)
        database = Database(database_url(settings))
        migrate(database)
        with database.reading() as connection:
            filled = connection.execute(select(Event.id).limit(1)).first() is not None
        if not filled:
            with working(f"{EVENTS:,} events are stored"):
                load(database, EVENTS)
            with working("people label some, and rules come true"):
                label_some(database)
                alert_some(database)
        yield database
        database.close()


@contextmanager
def _served(database: Database) -> Iterator[tuple[str, str]]:
    """Address and token of a console in this process, with limits that nothing here meets."""
    outside = Outside()
    ports = Ports(labels=outside, adapters=outside, dead_letters=outside, pipeline=outside)
    rule = AlertRule(name="negative-share", severity="critical", text="a share", tenant=None, definition={})
    rules = AlertRules(rules=(rule,) * 10, file="alerts.yaml", webhook=True)
    settings = ApiSettings(console_rate=10**9, console_write_rate=10**9)
    app = make_app(settings, Made(database, ports, lambda _: rules))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    tokens = Tokens(database)
    name = f"bench-{secrets.token_hex(4)}"
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", tokens.create(name, "viewer", None, None)
    finally:
        feed_of(app).stop()
        server.should_exit = True
        thread.join()
        tokens.revoke(name)


def _p95(times: list[float]) -> float:
    return sorted(times)[max(-(-len(times) * 95 // 100) - 1, 0)]


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(time_: datetime) -> str:
    return time_.strftime("%Y-%m-%dT%H:%M:%SZ")
