"""One worker process, put together: engine and labeller on one thread, Kafka on the other."""

import gc
import math
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from schemas.errors import TracesUnavailableError
from schemas.health_server import HealthServer, loop_health
from schemas.kafka_refusals import login_refusal
from schemas.tracing import start_export
from worker.clients import make_consumer, make_producer, transactional_id
from worker.dead_letters import DeadLetterWriter
from worker.engines.contract import EngineError
from worker.errors import EngineStartError, MisconfiguredError
from worker.faultpoints import FaultPoints, NoFaults
from worker.intake import Intake
from worker.labelling_contract import Labeller
from worker.labelling_thread import LabellingThread
from worker.loop import ConsumerLoop
from worker.settings import WorkerSettings
from worker.topic_check import check_partitions
from worker.transactions import Committer, TransactionalCommitter
from worker.watchdog import Watchdog
from worker.watermark import Judge, judge

if TYPE_CHECKING:
    from worker.traces import WorkerTraces

log = structlog.get_logger()

#: A model loads for minutes; a stop does not wait for that.
_START_POLL_S: Final = 0.2
_ENGINE_S: Final = 5.0
_KAFKA_STEPS: Final = 5
#: Messages in flight are no garbage either.
_GC_THRESHOLDS: Final = (50_000, 20, 100)


class Labelling(Protocol):
    """All that the consumer needs of the model's side."""

    @property
    def labeller(self) -> Labeller:
        """What labels requests."""

    @property
    def tokenizer(self) -> str | None:
        """Checksum of the model's tokenizer; None does not look at a request's."""

    def start(self) -> Coroutine[Any, Any, None]:
        """Load and warm the model."""

    def close(self) -> Coroutine[Any, Any, None]:
        """Stop within seconds."""


@dataclass(frozen=True, slots=True)
class Seams:
    """What tests and benchmarks put in the place of the product's own.

    Attributes:
        committer: None for Kafka's transactions.
    """

    faults: FaultPoints = field(default_factory=NoFaults)
    judge: Judge = judge
    committer: Committer | None = None


class WorkerService:
    """Runs until it is told to stop, or cannot go on."""

    def __init__(self, settings: WorkerSettings, labelling: Labelling, seams: Seams | None = None) -> None:
        self._settings = settings
        self._labelling = labelling
        seams = seams or Seams()
        letters = DeadLetterWriter(settings)
        self._thread = LabellingThread(labelling.labeller, letters, settings)
        self._consumer = make_consumer(settings)
        self._until = math.inf
        committer = seams.committer or TransactionalCommitter(
            lambda: make_producer(settings),
            seams.faults,
            settings.kafka_deadline_seconds,
            lambda: self._until,
            name=transactional_id(settings),
        )
        self._traces = _traces(settings)
        intake = Intake(
            letters,
            seams.judge,
            seams.faults,
            tokenizer=labelling.tokenizer,
            accept_loss=settings.accept_loss,
            traces=self._traces,
        )
        self._loop = ConsumerLoop(settings, self._consumer, committer, intake, self._thread)
        self._watchdog = self._make_watchdog()
        self._health: HealthServer | None = None
        self._ready = False

    @property
    def stop_seconds(self) -> float:
        """How long what is in flight may take after `stop`."""
        return self._settings.stop_seconds

    def stop(self) -> None:
        """Finish what is in flight, commit it, and return from `run`; safe from a signal handler."""
        self._end_transactions_soon()
        self._loop.stop()

    @property
    def consumer(self) -> Consumer:
        """The Kafka consumer, for a committer that works without transactions."""
        return self._consumer

    @property
    def paused(self) -> bool:
        """Nothing is taken for now: the engine is out, or enough is in flight."""
        return self._loop.paused

    def run(self) -> None:
        """Work until `stop`, and close; raises WorkerError, whose `exit_code` is the process's."""
        try:
            self.work()
        finally:
            self.close()

    def work(self) -> None:
        """Work until `stop`; raises WorkerError. `close` comes after it, whatever it raises."""
        self._health = self._health_server()
        self._thread.start()
        # Told in one line at the start, rather than after a time-out.
        if refusal := login_refusal(self._settings, AdminClient):
            raise MisconfiguredError(refusal)
        if self._loop.stopping:
            return
        check_partitions(self._consumer, self._settings)
        self._start_engine()
        _settle_garbage()
        self._ready = True
        log.info("worker_ready", worker_id=self._settings.worker_id)
        self._watchdog.start()
        self._loop.run()

    def close(self) -> None:
        """Leave the group, and stop the engine. Of librdkafka's calls in here none has a time-out."""
        self._watchdog.stop()
        self._end_transactions_soon()
        # Closing commits nothing: auto-commit is off, and the last transaction is over.
        self._consumer.close()
        if self._thread.started:
            self._close_labelling()
        if self._traces is not None:
            self._traces.close()
        if self._health is not None:
            self._health.stop()

    def _end_transactions_soon(self) -> None:
        self._until = min(self._until, time.monotonic() + self._settings.stop_seconds)

    def _make_watchdog(self) -> Watchdog:
        """Far beyond one turn of the loop: Kafka's deadline for each step of a commit, and of a new start."""
        limit_s = self._settings.watchdog_seconds + _KAFKA_STEPS * self._settings.kafka_deadline_seconds
        return Watchdog(lambda: self._loop.polled_at, limit_s)

    def _start_engine(self) -> None:
        starting = self._thread.run(self._labelling.start())
        while not self._loop.stopping:
            try:
                starting.result(timeout=_START_POLL_S)
            except TimeoutError:
                if starting.done():
                    raise
            except EngineError as error:
                raise EngineStartError(f"the engine did not start: {error}") from error
            else:
                return

    def _health_server(self) -> HealthServer | None:
        if not self._settings.metrics_port:
            return None
        host, port = self._settings.metrics_host, self._settings.metrics_port
        try:
            server = HealthServer(host, port, lambda: loop_health(self._polled_at(), "last poll"))
        except OSError as error:
            raise MisconfiguredError(
                f"{host}:{port} cannot be bound for /metrics ({error}): set METRICS_PORT to a free port, or 0"
            ) from error
        server.start()
        return server

    def _polled_at(self) -> float | None:
        return self._loop.polled_at if self._ready else None

    def _close_labelling(self) -> None:
        closing = self._thread.run(self._labelling.close())
        try:
            closing.result(timeout=_ENGINE_S)
        except Exception as error:  # noqa: BLE001 -- the process ends anyhow
            log.warning("engine_close_failed", error=type(error).__name__)
        self._thread.stop()


def _traces(settings: WorkerSettings) -> "WorkerTraces | None":
    """What follows messages; None while traces are off, and then nothing of it is imported."""
    try:
        export = start_export(settings, "sentistream-worker", settings.worker_id)
    except TracesUnavailableError as error:
        raise MisconfiguredError(str(error)) from error
    if export is None:
        return None
    from worker.traces import WorkerTraces

    return WorkerTraces(export, settings)


def _settle_garbage() -> None:
    """What is there now stays: looking through the imported modules and the model again would hold up every message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
