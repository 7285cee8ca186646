"""The thread that vLLM lives on, and what crosses between it and the event loop.

The loop puts work into a queue; the thread takes all there is before each step, so that prompts join a running batch,
and hands the answers of a step back by one wake-up of the loop.
"""

import asyncio
import contextlib
import itertools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from worker.engines.contract import EngineEndedError, EngineUnavailableError, PromptRefusedError
from worker.engines.vllm_runtime import Answer, Ask

log = structlog.get_logger()

Future = asyncio.Future[Any]


class Runtime(Protocol):
    """What the thread drives; see ``VllmRuntime``."""

    @property
    def busy(self) -> bool:
        """Whether there is work for ``step``."""

    def submit(self, name: str, ask: Ask) -> None:
        """Queue a prompt under a name."""

    def abort(self, names: list[str]) -> None:
        """Forget prompts."""

    def step(self) -> list[tuple[str, Answer]]:
        """Run the model once and return what is finished."""

    def close(self) -> None:
        """Free the model."""


@dataclass(frozen=True, slots=True)
class _Submit:
    name: str
    ask: Ask
    future: Future


@dataclass(frozen=True, slots=True)
class _Abort:
    name: str


@dataclass(frozen=True, slots=True)
class _Call:
    """Something to do while nothing is in flight."""

    work: Callable[[Any], Any]
    future: Future


class _Stop:
    """The last item of the queue."""


class EngineThread:
    """Runs one runtime; its methods are called from the event loop's thread."""

    def __init__(self, build: Callable[[], Runtime], loop: asyncio.AbstractEventLoop) -> None:
        """Prepare; ``build`` is called on the thread."""
        self._build = build
        self._loop = loop
        self._inbox: queue.SimpleQueue[_Submit | _Abort | _Call | _Stop] = queue.SimpleQueue()
        self._waiting: dict[str, Future] = {}
        self._results: list[tuple[Future, Any]] = []
        self._names = itertools.count(1)
        self._lock = threading.Lock()
        self._end: str | None = None
        self._step_began: float | None = None
        self._ready: Future = loop.create_future()
        # A daemon: a step that hangs must not keep the process from its end.
        self._thread = threading.Thread(target=self._run, name="vllm-engine", daemon=True)

    @property
    def ended(self) -> str | None:
        """Why the thread answers no more; None while it does."""
        return self._end

    @property
    def step_s(self) -> float:
        """How long the step that runs has been running."""
        began = self._step_began
        return 0.0 if began is None else time.monotonic() - began

    async def start(self) -> None:
        """Start the thread and wait until the model is loaded; EngineUnavailableError where that fails."""
        self._thread.start()
        await self._ready

    async def ask(self, ask: Ask) -> Answer:
        """Wait for an answer; cancelling the wait takes the prompt out of the model's batch."""
        name = str(next(self._names))
        future: Future = self._loop.create_future()
        self._put(_Submit(name, ask, future))
        try:
            answer: Answer = await future
        except asyncio.CancelledError:
            with contextlib.suppress(EngineUnavailableError):
                self._put(_Abort(name))
            raise
        return answer

    async def call(self, work: Callable[[Any], Any]) -> Any:
        """Let everything in flight finish, then do ``work`` with the runtime before anything else goes in.

        What ``work`` raises goes to the caller, and the engine goes on.
        """
        future: Future = self._loop.create_future()
        self._put(_Call(work, future))
        return await future

    async def close(self, seconds: float) -> bool:
        """Stop after the step that runs, if it ends in time; tells whether it did. Who still waits gets an error."""
        with contextlib.suppress(EngineUnavailableError):
            self._put(_Stop())
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, seconds)
        ended = not self._thread.is_alive()
        if not ended:
            self._finish("the engine was closed while a step hung")
        return ended

    def _put(self, item: _Submit | _Abort | _Call | _Stop) -> None:
        # Under the lock, so that nothing gets into the queue of a thread that has emptied it for the last time.
        with self._lock:
            if self._end is not None:
                raise EngineEndedError(self._end)
            self._inbox.put(item)

    def _run(self) -> None:
        end = "the engine was closed"
        runtime = None
        try:
            runtime = self._build()
            self._results.append((self._ready, None))
            self._deliver()
            self._serve(runtime)
        except Exception as error:
            log.exception("vllm_engine_died")
            end = f"the vLLM engine died: {type(error).__name__}: {error}"
        finally:
            self._finish(end)
        if runtime is not None:
            with contextlib.suppress(Exception):
                runtime.close()

    def _serve(self, runtime: Runtime) -> None:
        while self._take(runtime):
            if runtime.busy:
                self._step(runtime)
            self._deliver()

    def _take(self, runtime: Runtime) -> bool:
        """Everything in the queue goes to the runtime; waits for the first item when idle. False: stop."""
        block = not runtime.busy
        while True:
            try:
                item = self._inbox.get(block=block)
            except queue.Empty:
                return True
            block = False
            match item:
                case _Submit():
                    self._submit(runtime, item)
                case _Abort(name):
                    if self._waiting.pop(name, None) is not None:
                        runtime.abort([name])
                case _Call():
                    self._call(runtime, item)
                case _Stop():
                    return False

    def _submit(self, runtime: Runtime, item: _Submit) -> None:
        try:
            runtime.submit(item.name, item.ask)
        except PromptRefusedError as error:
            self._results.append((item.future, error))
        else:
            self._waiting[item.name] = item.future

    def _call(self, runtime: Runtime, item: _Call) -> None:
        while runtime.busy:
            self._step(runtime)
            self._deliver()
        try:
            result = item.work(runtime)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller
            result = error
        self._results.append((item.future, result))

    def _step(self, runtime: Runtime) -> None:
        self._step_began = time.monotonic()
        answers = runtime.step()
        self._step_began = None
        for name, answer in answers:
            if (future := self._waiting.pop(name, None)) is not None:
                self._results.append((future, answer))

    def _deliver(self) -> None:
        """Wake the loop once for all results so far."""
        if self._results:
            results, self._results = self._results, []
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_resolve, results)

    def _finish(self, end: str) -> None:
        """Answer no more, and tell everybody who waits; from the loop's thread only if the other one hangs."""
        with self._lock:
            self._end = self._end or end
        futures = [self._ready, *list(self._waiting.values())]
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._inbox.get_nowait()
                if isinstance(item, _Submit | _Call):
                    futures.append(item.future)
        # A step that hung and comes back must find that it is over.
        self._inbox.put(_Stop())
        self._results += [(future, EngineEndedError(self._end)) for future in futures]
        self._deliver()


def _resolve(results: list[tuple[Future, Any]]) -> None:
    for future, result in results:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
