"""Releases are applied whole or not at all, and a version lives for as long as a message uses it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.adapter import folder_sha256
from schemas.release import AdapterRelease
from worker import adapter_files, metrics
from worker.adapter_files import fetch
from worker.adapters import LiveAdapter
from worker.engines.contract import Adapter, AdapterRefusedError, EngineUnavailableError
from worker.engines.scripted import ScriptedEngine


class Engine(ScriptedEngine):
    """Knows what is loaded, and may refuse or take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.dropped: list[str] = []
        self.refuses = False
        self.out = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def load_adapter(self, adapter: Adapter) -> None:
        await self.gate.wait()
        if self.out:
            raise EngineUnavailableError("out")
        if self.refuses:
            raise AdapterRefusedError("rank 64 is more than 16")
        await super().load_adapter(adapter)
        self.loaded.append(adapter.version)

    async def drop_adapter(self, version: str) -> None:
        self.dropped.append(version)
        await super().drop_adapter(version)


class Shop:
    """Releases of adapters in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = Engine()
        self.live = LiveAdapter(self.engine, folder / "cache", retry_s=0.02)

    def release(self, version: str | None, **changed: Any) -> AdapterRelease:
        given: dict[str, Any] = {"model": "m", "version": version, "status": "released", "decided_at": _NOW}
        if version is not None:
            folder = self.folder / version
            (folder / "sub").mkdir(parents=True, exist_ok=True)
            (folder / "adapter_config.json").write_text(f'{{"version": "{version}"}}')
            (folder / "sub" / "weights").write_bytes(b"\0" * 10)
            given |= {"uri": str(folder), "sha256": folder_sha256(folder)}
        return AdapterRelease(**(given | changed))

    async def settled(self) -> None:
        """Wait until everything to be dropped was."""
        while self.live._background:
            await asyncio.gather(*self.live._background)
            await asyncio.sleep(0)


_NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def refused() -> float:
    return float(metrics.ADAPTERS_REFUSED._value.get())


async def test_a_release_goes_live_and_the_one_before_is_dropped(shop: Shop) -> None:
    assert shop.live.acquire() is None
    await shop.live.apply(shop.release("v1"))
    await shop.live.apply(shop.release("v2"))
    await shop.settled()
    assert (shop.live.version, shop.engine.loaded, shop.engine.dropped) == ("v2", ["v1", "v2"], ["v1"])


async def test_the_same_release_again_changes_nothing(shop: Shop) -> None:
    for _ in range(2):
        await shop.live.apply(shop.release("v1"))
    assert shop.engine.loaded == ["v1"]


async def test_a_version_outlives_its_release_while_a_message_holds_it(shop: Shop) -> None:
    await shop.live.apply(shop.release("v1"))
    held = [shop.live.acquire(), shop.live.acquire()]
    await shop.live.apply(shop.release("v2"))
    assert held == ["v1", "v1"]
    assert shop.live.acquire() == "v2"
    shop.live.release("v1")
    await shop.settled()
    assert shop.engine.dropped == []
    shop.live.release("v1")
    await shop.settled()
    assert shop.engine.dropped == ["v1"]
    shop.live.release("v2")
    await shop.settled()
    assert shop.engine.dropped == ["v1"], "what is live stays, held or not"


async def test_messages_go_on_with_the_old_version_while_the_new_one_loads(shop: Shop) -> None:
    await shop.live.apply(shop.release("v1"))
    shop.engine.gate.clear()
    swap = asyncio.create_task(shop.live.apply(shop.release("v2")))
    for _ in range(20):
        await asyncio.sleep(0)
        assert shop.live.acquire() == "v1"
        shop.live.release("v1")
    shop.engine.gate.set()
    await swap
    assert shop.live.acquire() == "v2"


async def test_a_rollback_to_the_version_before_and_to_the_base_model(shop: Shop) -> None:
    for version in ("v1", "v2"):
        await shop.live.apply(shop.release(version))
    await shop.live.apply(shop.release("v1", status="rolled_back"))
    assert shop.live.acquire() == "v1"
    shop.live.release("v1")
    await shop.live.apply(shop.release(None, status="rolled_back"))
    await shop.settled()
    assert shop.live.acquire() is None
    shop.live.release(None)
    assert shop.engine._adapters == set()


async def test_back_to_a_version_that_is_still_held_loads_nothing_anew(shop: Shop) -> None:
    await shop.live.apply(shop.release("v1"))
    shop.live.acquire()
    await shop.live.apply(shop.release("v2"))
    await shop.live.apply(shop.release("v1", status="rolled_back"))
    shop.live.release("v1")
    await shop.settled()
    assert (shop.live.version, shop.engine.loaded, shop.engine.dropped) == ("v1", ["v1", "v2"], ["v2"])


@pytest.mark.parametrize(
    "broken",
    [
        {"sha256": "0" * 64},
        {"sha256": None},
        {"uri": "/nowhere/at/all"},
        {"uri": None},
        {"uri": "nosuchprotocol://bucket/adapter"},
        {"uri": ""},
    ],
)
async def test_what_is_not_what_was_released_is_refused_and_the_old_one_stays(
    shop: Shop, broken: dict[str, Any]
) -> None:
    await shop.live.apply(shop.release("v1"))
    before = refused()
    await shop.live.apply(shop.release("v2", **broken))
    assert (shop.live.version, refused() - before) == ("v1", 1)
    await shop.live.apply(shop.release("v2"))
    assert shop.live.version == "v2"


async def test_a_cache_that_cannot_be_written_is_a_refusal_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    (tmp_path / "cache").write_text("a file in the way")
    before = refused()
    await shop.live.apply(shop.release("v1"))
    assert (shop.live.version, refused() - before) == (None, 1)


async def test_an_engines_refusal_leaves_the_old_one_live(shop: Shop) -> None:
    await shop.live.apply(shop.release("v1"))
    shop.engine.refuses = True
    await shop.live.apply(shop.release("v2"))
    assert (shop.live.version, shop.live.acquire()) == ("v1", "v1")


async def test_an_outage_while_a_version_is_dropped_ends_nothing(shop: Shop) -> None:
    async def out(version: str) -> None:
        del version
        raise EngineUnavailableError("out")

    shop.engine.drop_adapter = out  # type: ignore[method-assign]
    await shop.live.apply(shop.release("v1"))
    await shop.live.apply(shop.release("v2"))
    await shop.settled()
    assert shop.live.version == "v2"


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- there is nothing to be told by
            await asyncio.sleep(0.01)


async def test_an_outage_only_puts_a_release_off(shop: Shop) -> None:
    before = refused()
    shop.engine.out = True
    await shop.live.apply(shop.release("v1"))
    assert (shop.live.version, refused() - before) == (None, 0)
    shop.engine.out = False
    await eventually(lambda: shop.live.version == "v1")


async def test_a_later_release_takes_the_place_of_one_that_waits(shop: Shop) -> None:
    await shop.live.apply(shop.release("v1"))
    shop.engine.out = True
    late = shop.release("v2")
    await shop.live.apply(late)
    shop.engine.out = False
    await shop.live.apply(shop.release("v3"))
    shop.live._retry(late)  # its time has come
    await shop.settled()
    assert (shop.live.version, shop.engine.loaded) == ("v3", ["v1", "v3"])


async def test_the_gauge_names_the_live_version_alone(shop: Shop) -> None:
    metrics.ADAPTER.clear()
    for version in ("v1", "v2", None):
        await shop.live.apply(shop.release(version))
        names = [sample.labels["version"] for metric in metrics.ADAPTER.collect() for sample in metric.samples]
        assert names == ([] if version is None else [version])


async def test_every_message_is_answered_by_one_version_through_a_hundred_swaps(shop: Shop) -> None:
    releases = [shop.release(version) for version in ("v1", "v2", None)]
    stop = asyncio.Event()
    wrong: list[str] = []

    async def messages() -> None:
        while not stop.is_set():
            version = shop.live.acquire()
            for _ in range(3):
                await asyncio.sleep(0)
                if version is not None and version not in shop.engine._adapters:
                    wrong.append(version)
            shop.live.release(version)

    tasks = [asyncio.create_task(messages()) for _ in range(8)]
    for at in range(100):
        await shop.live.apply(releases[at % 3])
    stop.set()
    await asyncio.gather(*tasks)
    await shop.settled()
    assert wrong == []
    assert shop.engine._adapters == {"v1"}
    assert shop.live.version == "v1"


def test_a_folders_checksum_sees_names_sizes_and_bytes(tmp_path: Path) -> None:
    def folder(**content: bytes) -> str:
        here = tmp_path / str(len(list(tmp_path.iterdir())))
        here.mkdir()
        for name, data in content.items():
            (here / name).write_bytes(data)
        return folder_sha256(here)

    assert folder(a=b"1", b=b"2") == folder(b=b"2", a=b"1")
    assert len({folder(), folder(a=b"12"), folder(a=b"21"), folder(b=b"12"), folder(a=b"1", b=b"2")}) == 5


def test_an_address_of_any_store_will_do(tmp_path: Path) -> None:
    import fsspec  # type: ignore[import-untyped]

    shop = Shop(tmp_path)
    release = shop.release("v1")
    store = fsspec.filesystem("memory")
    store.put(release.uri, "/models/v1", recursive=True)
    adapter = fetch("memory://models/v1", "v1", release.sha256, tmp_path / "other")
    assert folder_sha256(adapter.path) == release.sha256
    store.rm("/models", recursive=True)
    assert fetch("memory://models/v1", "v1", release.sha256, tmp_path / "other") == adapter, "fetched once"


def test_too_large_a_folder_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter_files, "MAX_FOLDER_BYTES", 10)
    release = Shop(tmp_path).release("v1")
    with pytest.raises(AdapterRefusedError, match="bytes"):
        fetch(release.uri or "", "v1", release.sha256, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_change_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    release = Shop(tmp_path).release("v1")
    (tmp_path / "v1" / "sub" / "weights").write_bytes(b"\1" * 10)
    with pytest.raises(AdapterRefusedError, match="checksum"):
        fetch(release.uri or "", "v1", release.sha256, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
