"""Which adapter is live: follows `adapter.releases` and swaps versions under load, none of them in mid-message."""

import asyncio
from collections import Counter
from pathlib import Path

import structlog

from schemas.release import AdapterRelease
from worker import metrics
from worker.adapter_files import fetch
from worker.engines.contract import Engine, EngineError

log = structlog.get_logger()


class LiveAdapter:
    """The version that new messages use. All methods run on the engine's event loop.

    A message holds its version from its first question to its last; a version is dropped when it is neither live nor
    held. A release that cannot be used changes nothing.
    """

    def __init__(self, engine: Engine, cache: Path) -> None:
        self._engine = engine
        self._cache = cache
        self._live: str | None = None
        self._loaded: set[str] = set()
        self._held: Counter[str] = Counter()
        self._swap = asyncio.Lock()
        self._dropping: set[asyncio.Task[None]] = set()

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
        """Make a release live, or say why it is refused."""
        async with self._swap:
            if release.version == self._live:
                return
            try:
                await self._load(release)
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

    def _drop_later(self, version: str) -> None:
        if version == self._live or self._held[version] > 0 or version not in self._loaded:
            return
        task = asyncio.get_running_loop().create_task(self._drop(version))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

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
