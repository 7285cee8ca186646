"""The stream as a process: start, signals, watchdogs, exit status."""

import asyncio
import faulthandler
import gc
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
import uvloop
from redis.exceptions import RedisError

from prompts.errors import ProfileError
from prompts.parts import PartsBuilder
from prompts.settings import ServedBuilders
from schemas.health_server import HealthServer
from schemas.last_resort import LastResort
from schemas.shown_address import shown_address
from schemas.tracing import start_export
from streams.app import StreamsApp, add_agent, build_app
from streams.batch import BatchBuilder
from streams.errors import ConfigurationError, StreamsError
from streams.faultpoints import FaultPoints, NoFaults
from streams.group_check import check_group
from streams.health import Heartbeat, stream_health
from streams.intake import FAILED, Intake, end_process
from streams.metrics import REBALANCES
from streams.processor import Processor
from streams.rebuild import Rebuilder
from streams.redis_client import RedisClient, check_access, redis_client
from streams.sender import Sender
from streams.settings import StreamsSettings
from streams.static_member import leave_where_partitions_are_unheld
from streams.topic_facts import TopicFacts, topic_facts
from streams.topic_watch import TopicWatch
from streams.window import WindowRule, WindowStore

if TYPE_CHECKING:
    from streams.traces import StreamTraces

log = structlog.get_logger()

_HEALTH_EVERY_S: Final = 2.0
#: Exit status of a process that did not end in time (sysexits: EX_TEMPFAIL).
_LATE: Final = 75


def parts_builder(settings: StreamsSettings) -> PartsBuilder:
    """The prompt builder that the settings ask for.

    Raises:
        ConfigurationError: the model's folder cannot be used, or the taxonomy is none that it knows.
    """
    try:
        return ServedBuilders(settings).of()
    except ProfileError as error:
        raise ConfigurationError(str(error)) from error


def run(settings: StreamsSettings, faults: FaultPoints | None = None) -> int:
    """Work until SIGTERM or SIGINT; the exit status, by which the process must end soon, or it is ended.

    Raises:
        StreamsError: it could not start.
    """
    log.info("streams_starting", **shown(settings))
    last_resort = LastResort("streams_stopped_late", end_process)
    last_resort.start()
    # Messages in the buffer are no garbage; looking through them again and again was a tenth of the time.
    gc.set_threshold(50_000, 20, 100)
    facts = topic_facts(settings, settings)
    check_group(settings, settings.streams_group)
    _check_retention(settings, facts)
    builder = parts_builder(settings)
    status = uvloop.run(_Service(settings, facts, builder, faults or NoFaults(), last_resort).serve())
    last_resort.closed(status)
    return status


def shown(settings: StreamsSettings) -> dict[str, object]:
    """The settings as they may be logged."""
    shown_ones: dict[str, object] = settings.model_dump(mode="json", exclude_none=True)
    # An address may carry a password.
    return {**shown_ones, "redis_url": shown_address(settings.redis_url)}


class _Service:
    def __init__(
        self,
        settings: StreamsSettings,
        facts: TopicFacts,
        builder: PartsBuilder,
        faults: FaultPoints,
        last_resort: LastResort,
    ) -> None:
        self._settings = settings
        self._facts = facts
        self._builder = builder
        self._faults = faults
        self._last_resort = last_resort
        self._loop_alive = Heartbeat()
        self._redis_alive = Heartbeat()
        self._stop = asyncio.Event()

    async def serve(self) -> int:
        settings = self._settings
        intake = Intake(settings.messages, settings.buffer_mib << 20, accepts_loss=settings.accept_loss)
        client = redis_client(settings, settings.redis_timeout_s)
        await check_access(client, settings)
        await leave_where_partitions_are_unheld(settings, self._facts.partitions)
        store = self._store(client)
        topics = TopicWatch(settings, self._facts, intake)
        app = build_app(settings, intake, topics)
        traces = _traces(settings)
        batches = BatchBuilder(self._builder, self._facts.topic_id)
        processor = Processor(
            batches,
            store,
            Rebuilder(settings, batches, store, self._faults),
            Sender(app, settings.requests, settings.send_deadline_s).send,
            self._faults,
            partitions=self._facts.partitions,
            accept_loss=settings.accept_loss,
            traces=traces,
        )
        add_agent(app, settings, processor, self._faults)
        app.on_partitions_assigned.connect(self._assigned, weak=False)
        app.on_partitions_revoked.connect(lambda *_, **__: intake.clear(), weak=False)
        health = self._health_server(intake)
        health.start()
        log.info("health_listening", host=settings.streams_host, port=health.port)
        try:
            return await self._until_stopped(app, intake, store, topics)
        finally:
            health.stop()
            await store.close()
            if traces is not None:
                traces.close()

    async def _until_stopped(self, app: StreamsApp, intake: Intake, store: WindowStore, topics: TopicWatch) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        watchers = [
            asyncio.create_task(self._watch(app, intake)),
            asyncio.create_task(self._ping(store)),
            asyncio.create_task(topics.watch()),
        ]
        threading.Thread(target=self._watch_loop, name="watchdog", daemon=True).start()
        starting = asyncio.create_task(app.start())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and (error := starting.exception()):
            intake.fail(error)
        await stopping
        log.info("streams_stopping")
        # A stuck faust ignores signals and cancellation alike.
        self._last_resort.stopping(self._settings.stop_deadline_s, _LATE)
        await app.stop()
        for watcher in watchers:
            watcher.cancel()
        log.info("streams_stopped")
        return 0

    def _health_server(self, intake: Intake) -> HealthServer:
        host, port = self._settings.streams_host, self._settings.streams_port
        try:
            return HealthServer(host, port, lambda: stream_health(self._ages(intake)))
        except OSError as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be bound for /metrics ({error}): set STREAMS_PORT to a free port, or 0 for any"
            ) from error

    def _store(self, client: RedisClient) -> WindowStore:
        turns = self._builder.rule.turns
        rule = WindowRule(turns, max(turns + self._settings.window_extra, 1), int(self._settings.window_ttl_s))
        return WindowStore(client, rule, self._settings.redis_deadline_s)

    async def _assigned(self, *args: Any, **kwargs: Any) -> None:
        del kwargs
        partitions = sorted(place.partition for place in args[-1])
        REBALANCES.inc()
        log.info("streams_ready", partitions=partitions)

    def _ages(self, intake: Intake) -> dict[str, float]:
        return {
            "event_loop": self._loop_alive.age_s,
            "kafka_poll": intake.poll_age_s,
            "batch": intake.stuck_s,
            "redis": self._redis_alive.age_s,
        }

    async def _watch(self, app: StreamsApp, intake: Intake) -> None:
        """Faust keeps running in parts after a crash, and waits for ever in others: then the process ends."""
        while True:
            self._loop_alive.beat()
            if (crashed := _crash_of(app)) is not None and not self._is_our_stop(crashed):
                intake.fail(crashed)
            if intake.stuck_s > self._settings.progress_deadline_s:
                faulthandler.dump_traceback()
                waited = f"{intake.stuck_s:.0f} s"
                intake.fail(StreamsError(f"messages waited for {waited} without progress; start again"))
            await asyncio.sleep(0.5)

    def _is_our_stop(self, crashed: BaseException) -> bool:
        """A stop in the middle of a rebalance cancels the fetcher's seek, which faust takes for a crash."""
        return self._stop.is_set() and isinstance(crashed, asyncio.CancelledError)

    async def _ping(self, store: WindowStore) -> None:
        while True:
            try:
                await store.ping()
                self._redis_alive.beat()
            except (RedisError, OSError) as error:
                log.debug("redis_ping_failed", error=str(error))
            await asyncio.sleep(_HEALTH_EVERY_S)

    def _watch_loop(self) -> None:
        """From outside the event loop, which may be what is stuck."""
        while True:
            if self._loop_alive.age_s > self._settings.progress_deadline_s:
                faulthandler.dump_traceback()
                end_process(FAILED)
            time.sleep(1.0)


def _traces(settings: StreamsSettings) -> "StreamTraces | None":
    """What follows messages; None while traces are off, and then nothing of it is imported."""
    export = start_export(settings, "sentistream-streams", settings.streams_instance or socket.gethostname())
    if export is None:
        return None
    from streams.traces import StreamTraces

    return StreamTraces(export, settings)


def _crash_of(app: StreamsApp) -> BaseException | None:
    for service in (app, app.consumer, app.producer, app.agents):
        reason: BaseException | None = getattr(service, "crash_reason", None)
        if reason is not None:
            return reason
    return None


def _check_retention(settings: StreamsSettings, facts: TopicFacts) -> None:
    if facts.retention_s is None:
        log.warning("retention_unlimited", topic=settings.messages, window_ttl_s=settings.window_ttl_s)
    elif settings.window_ttl_s < facts.retention_s:
        raise ConfigurationError(
            f"window_ttl_s is {settings.window_ttl_s:.0f}; {settings.messages} keeps them {facts.retention_s:.0f} s: "
            "a late message would meet a window that Redis has forgotten. Raise WINDOW_TTL_S."
        )
