"""The labeller's own thread: an event loop that works on many requests at once, apart from Kafka's loop."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, Final

import structlog
import uvloop

from schemas.codec import encode
from schemas.event import EmotionEvent, Policy
from worker import metrics
from worker.dead_letters import DeadLetterWriter
from worker.engines.contract import EngineEndedError, EngineUnavailableError, PromptRefusedError
from worker.errors import EngineLostError, OutOfMemoryError, WorkerError
from worker.fair_queue import FairQueue
from worker.intake import Job
from worker.labelling_contract import Labeller
from worker.load_settings import tenant_weights
from worker.partitions import Assignment
from worker.records import Outcome, Record
from worker.settings import WorkerSettings
from worker.treatment import treatments

log = structlog.get_logger()

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0
#: Between two looks at the lag.
_LOOK_S: Final = 1.0
_CLOSE_S: Final = 2.0


class LabellingThread:
    """Runs jobs, retries through outages, and hands outcomes back.

    Attributes:
        results: (job, outcome), to be taken by the consumer's thread.
        out_since: when the engine stopped answering, by the monotonic clock; None while it answers.
        failed: why no more will be labelled in this process, to be raised by the consumer's thread.
    """

    def __init__(self, labeller: Labeller, letters: DeadLetterWriter, settings: WorkerSettings) -> None:
        self.results: deque[tuple[Job, Outcome]] = deque()
        self.out_since: float | None = None
        self.failed: WorkerError | None = None
        self._labeller = labeller
        self._letters = letters
        self._events_topic = settings.events
        self._places = settings.max_in_flight
        self._fair = settings.fair_shares
        self._in_flight = 0
        self._queue: FairQueue[tuple[Job, datetime]] = FairQueue(tenant_weights(settings.tenant_weights))
        self._closed = False
        self._treatments = treatments(settings)
        metrics.WAITING.set_function(lambda: len(self._queue))
        metrics.TENANTS.set_function(lambda: self._queue.tenants)
        metrics.IN_FLIGHT.set_function(lambda: self._in_flight)
        self._loop = uvloop.new_event_loop()
        self._tasks: dict[Assignment, set[asyncio.Task[None]]] = {}
        self._jitter = Random()
        self._woken = threading.Event()
        # A daemon: a call that never returns must not keep a process alive that has said why it stops.
        self._thread = threading.Thread(target=self._loop.run_forever, name="labelling", daemon=True)

    @property
    def started(self) -> bool:
        """`start` was called."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Start the thread; jobs are taken from now on."""
        if self._treatments.adaptive:
            self._loop.call_soon_threadsafe(self._look)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run something else on this loop, such as the engine's start."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def submit(self, jobs: list[Job]) -> None:
        """Take these jobs; each begins when there is a place for it."""
        self._loop.call_soon_threadsafe(self._begin, jobs, datetime.now(UTC))

    def cancel(self, assignments: Iterable[Assignment]) -> None:
        """Stop working for these assignments; what they still deliver finds them lost."""
        self._loop.call_soon_threadsafe(self._cancel, list(assignments))

    def give_up_waiting(self) -> list[Job]:
        """Begin with nothing any more; says what has not begun, which is the end of each partition."""
        future = self.run(self._close())
        try:
            return list(future.result(timeout=_CLOSE_S))
        except TimeoutError:
            return []  # a call blocks the thread: nothing will be finished either

    def wait(self, timeout_s: float) -> None:
        """Return when there is a result, at the latest after the timeout."""
        self._woken.clear()
        if not self.results:
            self._woken.wait(timeout_s)

    def stop(self) -> None:
        """End the thread within a second or so; what is unfinished stays so."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=1.0)

    def _begin(self, jobs: list[Job], taken_at: datetime) -> None:
        for job in jobs:
            assignment = job.entry.assignment
            if not assignment.lost and not self._closed:
                self._queue.put((job, taken_at), job.request.message.tenant if self._fair else "", assignment)
        self._admit()

    def _admit(self) -> None:
        """Give away the free places."""
        while self._in_flight < self._places and (turn := self._queue.take()) is not None:
            (job, taken_at), tenant = turn
            treatment = self._treatments.of(job, self._queue.over_share)
            if treatment.too_old is not None:
                self._queue.give_back(tenant)
                self._finish(job, self._letters.too_old(job.request, job.message, treatment.too_old, job.headers))
                continue
            self._in_flight += 1
            task = self._loop.create_task(self._work(job, taken_at, treatment.policy))
            running = self._tasks.setdefault(job.entry.assignment, set())
            running.add(task)
            task.add_done_callback(partial(self._leave, running, tenant))

    def _leave(self, running: set[asyncio.Task[None]], tenant: str, task: asyncio.Task[None]) -> None:
        running.discard(task)
        self._in_flight -= 1
        self._queue.give_back(tenant)
        self._admit()

    def _look(self) -> None:
        self._treatments.look(job for job, _ in self._queue.heads())
        self._loop.call_later(_LOOK_S, self._look)

    async def _close(self) -> list[Job]:
        self._closed = True
        return [job for lane in self._queue.lanes() for job, _ in self._queue.drop(lane)]

    def _cancel(self, assignments: list[Assignment]) -> None:
        for assignment in assignments:
            self._queue.drop(assignment)
            for task in self._tasks.pop(assignment, ()):
                task.cancel()

    async def _work(self, job: Job, taken_at: datetime, policy: Policy | None) -> None:
        if job.entry.trace is not None:
            job.entry.trace.begun()
        label = partial(self._labeller.label, job.request, taken_at=taken_at, policy=policy)
        try:
            event = await self._until_answered(label)
            outcome = self._event(job, event)
        except PromptRefusedError as error:
            outcome = self._letters.refused(job.request, job.message, str(error), job.headers)
        except EngineEndedError as error:
            self._fail(EngineLostError(f"{error}. Start again; the log above says why it ended"))
            return
        except MemoryError:
            self._fail(
                OutOfMemoryError("there is no memory to label with: give the worker more, or lower MAX_IN_FLIGHT")
            )
            return
        except Exception as error:  # noqa: BLE001 -- one record's problem; many of them meet the cap
            # No traceback and no words of it: they may hold what people said.
            detail = f"{type(error).__name__} in {_place(error)}"
            log.warning("labelling_failed", event_id=job.request.source.event_id, detail=detail)
            outcome = self._letters.refused(job.request, job.message, detail, job.headers)
        self._finish(job, outcome)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        if job.entry.trace is not None:
            job.entry.trace.decided(outcome)
        self.results.append((job, outcome))
        self._woken.set()

    async def _until_answered(self, ask: Callable[[], Coroutine[Any, Any, EmotionEvent]]) -> EmotionEvent:
        """An outage is no record's fault: ask again, with pauses that grow, for as long as it takes."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                event = await ask()
            except EngineEndedError:
                raise
            except EngineUnavailableError as error:
                metrics.OUTAGE_RETRIES.inc()
                if self.out_since is None:
                    self.out_since = time.monotonic()
                    log.warning("engine_unavailable", error=str(error))
                await asyncio.sleep(pause * self._jitter.uniform(0.5, 1.5))
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                if self.out_since is not None:
                    log.info("engine_answers_again", after_s=round(time.monotonic() - self.out_since, 1))
                    self.out_since = None
                return event

    def _fail(self, error: WorkerError) -> None:
        """The process must end: the request stays uncommitted, and is labelled by the next one."""
        self.failed = self.failed or error
        self._woken.set()

    def _event(self, job: Job, event: EmotionEvent) -> Outcome:
        record = Record(
            self._events_topic,
            # The request's partition, whatever a partitioner would say: order within a conversation rests on it.
            job.message.partition(),
            event.conversation_id.encode(),
            encode(event),
            job.headers,
        )
        return Outcome("event", record, event)


def _place(error: BaseException) -> str:
    """Where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "?"
