"""Which adapter is live: follows `adapter.releases` and swaps versions under load, none of them in mid-message."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog

from schemas.release import AdapterRelease
from worker import metrics
from worker.adapter_checks import AdapterFolders, CheckedAdapter
from worker.calibration import Trust
from worker.engines.contract import (
    AdapterRefusedError,
    AdapterStoreError,
    Engine,
    EngineError,
    EngineUnavailableError,
)

log = structlog.get_logger()

_RETRY_S: Final = 10.0

#: Asks a question with a version that is loaded and not live yet.
Warm = Callable[[str], Awaitable[None]]


class LiveAdapter:
    """The version that new messages use. All methods run on the engine's event loop.

    A message holds its version from its first question to its last; a version is dropped when it is neither live nor
    held. A release that cannot be used changes nothing.
    """

    def __init__(self, engine: Engine, folders: AdapterFolders, warm: Warm, retry_s: float = _RETRY_S) -> None:
        """Try again every ``retry_s`` where an outage keeps a release from being loaded."""
        self._engine = engine
        self._folders = folders
        self._warm = warm
        self._retry_s = retry_s
        self._latest: AdapterRelease | None = None
        self._live: str | None = None
        self._loaded: dict[str, CheckedAdapter] = {}
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

    def trust(self, version: str | None) -> Trust | None:
        """How far the answers of a held version are trusted; None for the base model."""
        return None if version is None else self._loaded[version].trust

    def release(self, version: str | None) -> None:
        """Let a version go."""
        if version is None:
            return
        self._held[version] -= 1
        self._drop_later(version)

    async def apply(self, release: AdapterRelease) -> None:
        """Make a release live, or say why it is refused; through an outage it is tried until a later one comes."""
        self._latest = release
        metrics.ADAPTER_WAITS.set(0)
        try:
            # Outside of the lock: a rollback does not wait for the download of what it takes back.
            found = await self._found(release)
            async with self._swap:
                await self._make_live(release, found)
        except (EngineUnavailableError, AdapterStoreError) as error:
            self._put_off(release, error)
        except EngineError as error:
            reason = error.reason if isinstance(error, AdapterRefusedError) else "engine"
            metrics.ADAPTERS_REFUSED.labels(reason).inc()
            log.warning("adapter_refused", version=release.version, live=self._live, reason=reason, detail=str(error))

    async def _found(self, release: AdapterRelease) -> CheckedAdapter | None:
        if release.version is None or release.version in self._loaded:
            return None
        return await self._checked(release)

    async def _checked(self, release: AdapterRelease) -> CheckedAdapter:
        return await asyncio.to_thread(self._folders.get, release)

    async def _make_live(self, release: AdapterRelease, found: CheckedAdapter | None) -> None:
        version = release.version
        if release is not self._latest or version == self._live:
            return
        if version is not None and version not in self._loaded:
            # It may have been dropped since it was looked for.
            await self._load(found or await self._checked(release))
        if release is not self._latest:
            if version is not None:
                self._drop_later(version)
            return
        before, self._live = self._live, version
        _show(before, version)
        metrics.ADAPTER_RELEASED.set(release.decided_at.timestamp())
        log.info("adapter_live", version=version, before=before, status=release.status, reason=release.reason)
        if before is not None:
            self._drop_later(before)
        self._in_background(self._prune())

    async def _load(self, found: CheckedAdapter) -> None:
        """Beside the old one, and warm; what fails on the way is not left in the engine."""
        version = found.adapter.version
        await self._engine.load_adapter(found.adapter)
        try:
            await self._warm(version)
        except EngineError:
            await self._forget(version)
            raise
        self._loaded[version] = found

    def _put_off(self, release: AdapterRelease, error: EngineError) -> None:
        if release is not self._latest:
            return
        metrics.ADAPTER_WAITS.set(1)
        log.warning("adapter_waits", version=release.version, live=self._live, reason=str(error))
        asyncio.get_running_loop().call_later(self._retry_s, self._retry, release)

    def _retry(self, release: AdapterRelease) -> None:
        if release is self._latest:
            self._in_background(self.apply(release))

    def _drop_later(self, version: str) -> None:
        if not self._unused(version):
            return
        self._in_background(self._drop(version))

    def _unused(self, version: str) -> bool:
        return version != self._live and self._held[version] <= 0 and version in self._loaded

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _drop(self, version: str) -> None:
        async with self._swap:
            if not self._unused(version):
                return
            del self._loaded[version]
            del self._held[version]
            await self._forget(version)
        await self._prune()

    async def _prune(self) -> None:
        """The files of what is loaded stay: an engine may read them again."""
        await asyncio.to_thread(self._folders.prune, {one.adapter.path for one in self._loaded.values()})

    async def _forget(self, version: str) -> None:
        try:
            await self._engine.drop_adapter(version)
        except EngineError as error:
            log.warning("adapter_not_dropped", version=version, reason=str(error))


def _show(before: str | None, now: str | None) -> None:
    if before is not None:
        metrics.ADAPTER.remove(before)
    if now is not None:
        metrics.ADAPTER.labels(now).set(1)
