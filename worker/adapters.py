"""Which adapter is live: follows `adapter.releases` and swaps versions under load, none of them in mid-message."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

import structlog

from schemas.release import AdapterRelease
from worker import metrics
from worker.adapter_files import fetch
from worker.engines.contract import Engine, EngineError, EngineUnavailableError

log = structlog.get_logger()

_RETRY_S: Final = 10.0


class LiveAdapter:
    """The version that new messages use. All methods run on the engine's event loop.

    A message holds its version from its first question to its last; a version is dropped when it is neither live nor
    held. A release that cannot be used changes nothing.
    """

    def __init__(self, engine: Engine, cache: Path, retry_s: float = _RETRY_S) -> None:
        """Try again every ``retry_s`` where an outage keeps a release from being loaded."""
        self._engine = engine
        self._retry_s = retry_s
        self._latest: AdapterRelease | None = None
        self._cache = cache
        self._live: str | None = None
        self._loaded: set[str] = set()
        self._held: Counter[str] = Counter()
        self._swap = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()

    @property
    def version(self) -> str | None:
        """The live version; None for the base model."""
        return self._live

    def acquire(self) -> str | None:
        """Hold the live version."""
        if self._live is not None:
            self._held[self._live] += 1
        return self._live

    def release(self, version: str | None) -> None:
        """Let a version go."""
        if version is None:
            return
        self._held[version] -= 1
        self._drop_later(version)

    async def apply(self, release: AdapterRelease) -> None:
        """Make a release live, or say why it is refused; through an outage it is tried until a later one comes."""
        self._latest = release
        async with self._swap:
            if release.version == self._live:
                return
            try:
                await self._load(release)
            except EngineUnavailableError as error:
                log.warning("adapter_waits", version=release.version, live=self._live, reason=str(error))
                asyncio.get_running_loop().call_later(self._retry_s, self._retry, release)
                return
            except EngineError as error:
                metrics.ADAPTERS_REFUSED.inc()
                log.warning("adapter_refused", version=release.version, live=self._live, reason=str(error))
                return
            before, self._live = self._live, release.version
            _show(before, release.version)
            log.info("adapter_live", version=release.version, before=before, status=release.status)
            if before is not None:
                self._drop_later(before)

    async def _load(self, release: AdapterRelease) -> None:
        if release.version is None or release.version in self._loaded:
            return
        adapter = await asyncio.to_thread(fetch, release.uri or "", release.version, release.sha256, self._cache)
        await self._engine.load_adapter(adapter)
        self._loaded.add(release.version)

    def _retry(self, release: AdapterRelease) -> None:
        if release is self._latest:
            self._in_background(self.apply(release))

    def _drop_later(self, version: str) -> None:
        if version == self._live or self._held[version] > 0 or version not in self._loaded:
            return
        self._in_background(self._drop(version))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _drop(self, version: str) -> None:
        async with self._swap:
            if version == self._live or self._held[version] > 0 or version not in self._loaded:
                return
            self._loaded.discard(version)
            del self._held[version]
            try:
                await self._engine.drop_adapter(version)
            except EngineError as error:
                log.warning("adapter_not_dropped", version=version, reason=str(error))


def _show(before: str | None, now: str | None) -> None:
    if before is not None:
        metrics.ADAPTER.remove(before)
    if now is not None:
        metrics.ADAPTER.labels(now).set(1)
