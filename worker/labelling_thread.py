"""The labeller's own thread: an event loop that works on many requests at once, apart from Kafka's loop."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import structlog

from schemas.codec import encode
from schemas.event import EmotionEvent
from schemas.topics import TopicNames
from worker import metrics
from worker.dead_letters import DeadLetterWriter
from worker.engines.contract import EngineEndedError, EngineUnavailableError, PromptRefusedError
from worker.errors import EngineLostError, OutOfMemoryError, WorkerError
from worker.intake import Job
from worker.labelling_contract import Labeller
from worker.partitions import Assignment
from worker.records import Outcome, Record

log = structlog.get_logger()

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0


class LabellingThread:
    """Runs jobs, retries through outages, and hands outcomes back.

    Attributes:
        results: (job, outcome), to be taken by the consumer's thread.
        out_since: when the engine stopped answering, by the monotonic clock; None while it answers.
        failed: why no more will be labelled in this process, to be raised by the consumer's thread.
    """

    def __init__(self, labeller: Labeller, letters: DeadLetterWriter, names: TopicNames) -> None:
        self.results: deque[tuple[Job, Outcome]] = deque()
        self.out_since: float | None = None
        self.failed: WorkerError | None = None
        self._labeller = labeller
        self._letters = letters
        self._events_topic = names.events
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[Assignment, set[asyncio.Task[None]]] = {}
        self._jitter = Random()
        self._woken = threading.Event()
        # A daemon: a call that never returns must not keep a process alive that has said why it stops.
        self._thread = threading.Thread(target=self._loop.run_forever, name="labelling", daemon=True)

    def start(self) -> None:
        """Start the thread; jobs are taken from now on."""
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run something else on this loop, such as the engine's start."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def submit(self, jobs: list[Job]) -> None:
        """Begin with these jobs."""
        self._loop.call_soon_threadsafe(self._begin, jobs, datetime.now(UTC))

    def cancel(self, assignments: Iterable[Assignment]) -> None:
        """Stop working for these assignments; what they still deliver finds them lost."""
        self._loop.call_soon_threadsafe(self._cancel, list(assignments))

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
            if assignment.lost:
                continue
            task = self._loop.create_task(self._work(job, taken_at))
            running = self._tasks.setdefault(assignment, set())
            running.add(task)
            task.add_done_callback(running.discard)

    def _cancel(self, assignments: list[Assignment]) -> None:
        for assignment in assignments:
            for task in self._tasks.pop(assignment, ()):
                task.cancel()

    async def _work(self, job: Job, taken_at: datetime) -> None:
        try:
            event = await self._until_answered(lambda: self._labeller.label(job.request, taken_at=taken_at))
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
