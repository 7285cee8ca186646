"""Releases are applied whole or not at all, and a version lives for as long as a message uses it."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import pytest
from structlog.testing import capture_logs

from schemas.adapter import METADATA_FILE, folder_sha256
from schemas.release import AdapterRelease
from tests.worker.adapter_folder import add_metadata, make_adapter_folder, release_of
from worker import adapter_files, metrics
from worker.adapter_checks import AdapterFolders, ServedModel
from worker.adapter_files import fetch
from worker.adapters import LiveAdapter
from worker.calibration import Trust
from worker.engines.contract import Adapter, AdapterRefusedError, EngineError, EngineUnavailableError
from worker.engines.scripted import ScriptedEngine


class Engine(ScriptedEngine):
    """Knows what is loaded, and may refuse or take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.warmed: list[str] = []
        self.cold: EngineError | None = None
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

    async def warm(self, version: str) -> None:
        assert version in self._adapters
        if self.cold is not None:
            raise self.cold
        self.warmed.append(version)

    async def drop_adapter(self, version: str) -> None:
        self.dropped.append(version)
        await super().drop_adapter(version)


class Shop:
    """Releases of adapters in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = Engine()
        self.model = ServedModel("m", folder)
        self.live = LiveAdapter(
            self.engine,
            AdapterFolders(folder / "cache", self.model, max_rank=16, keep=2),
            self.engine.warm,
            retry_s=0.02,
        )

    def release(self, version: str | None, **changed: Any) -> AdapterRelease:
        folder = None if version is None else make_adapter_folder(self.folder / version, version)
        return release_of(folder, version, **changed)

    def harmed(self, version: str, harm: Callable[[Path], object]) -> AdapterRelease:
        """A release of a folder that was harmed before anybody took its checksum."""
        folder = make_adapter_folder(self.folder / version, version)
        harm(folder)
        return release_of(folder, version)

    @property
    def cached(self) -> set[str]:
        """Versions whose files are kept, and whatever else lies in the cache."""
        files = ((path, path / METADATA_FILE) for path in (self.folder / "cache").iterdir())
        return {json.loads(file.read_bytes())["version"] if file.exists() else path.name for path, file in files}

    async def settled(self) -> None:
        """Wait until everything to be dropped was."""
        while self.live._background:
            await asyncio.gather(*self.live._background)
            await asyncio.sleep(0)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def refused(reason: str | None = None) -> float:
    """All refusals so far, or those of one reason."""
    samples = [sample for metric in metrics.ADAPTERS_REFUSED.collect() for sample in metric.samples]
    return sum(one.value for one in samples if one.name.endswith("_total") and reason in (None, one.labels["reason"]))


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


def no_metadata(folder: Path) -> None:
    (folder / METADATA_FILE).unlink()


def metadata_that_is_none(folder: Path) -> None:
    (folder / METADATA_FILE).write_text('{"model": "m"}')


def of_another_model(folder: Path) -> None:
    add_metadata(folder, folder.name, "another")


def of_another_version(folder: Path) -> None:
    add_metadata(folder, "v9", "m")


def of_another_base(folder: Path) -> None:
    add_metadata(folder, folder.name, "m", base_sha256="1" * 64)


def of_a_large_rank(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"r": 17}')


def of_a_large_rank_somewhere(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"r": 8, "rank_pattern": {"q_proj": 64}}')


def of_no_rank(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("nonsense")


def no_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"sha256": "0" * 64}, "corrupt"),
        ({"sha256": None}, "release"),
        ({"uri": "/nowhere/at/all"}, "missing"),
        ({"uri": None}, "release"),
        ({"uri": "nosuchprotocol://bucket/adapter"}, "missing"),
        ({"uri": "memory://nowhere/at/all"}, "missing"),
        ({"uri": ""}, "release"),
        ({"base_sha256": "1" * 64}, "foreign"),
        (no_metadata, "metadata"),
        (metadata_that_is_none, "metadata"),
        (of_another_model, "foreign"),
        (of_another_version, "foreign"),
        (of_another_base, "foreign"),
        (of_a_large_rank, "oversized"),
        (of_a_large_rank_somewhere, "oversized"),
        (of_no_rank, "corrupt"),
        (no_config, "missing"),
    ],
)
async def test_what_is_not_what_was_released_is_refused_and_the_old_one_stays(
    shop: Shop, broken: Any, reason: str
) -> None:
    (shop.folder / "model.safetensors").write_bytes(b"weights")
    base = shop.model.sha256
    await shop.live.apply(release_of(make_adapter_folder(shop.folder / "v1", "v1", base_sha256=base), "v1"))
    assert shop.live.version == "v1"
    before, of_reason = refused(), refused(reason)
    good = release_of(make_adapter_folder(shop.folder / "v2", "v2", base_sha256=base), "v2")
    if isinstance(broken, dict):
        bad = good.model_copy(update=broken)
    else:
        bad = shop.harmed("v3", lambda folder: (add_metadata(folder, "v3", "m", base_sha256=base), broken(folder)))
    with capture_logs() as logs:
        await shop.live.apply(bad)
    assert (shop.live.version, refused() - before, refused(reason) - of_reason) == ("v1", 1, 1)
    (told,) = [one for one in logs if one["event"] == "adapter_refused"]
    assert (told["log_level"], told["version"], told["live"], told["reason"]) == ("warning", bad.version, "v1", reason)
    assert told["detail"]
    await shop.live.apply(good)
    assert shop.live.version == "v2"


async def test_a_base_without_weights_here_is_known_by_its_name(shop: Shop) -> None:
    assert shop.model.sha256 is None
    await shop.live.apply(shop.release("v1", base_sha256="1" * 64))
    assert shop.live.version == "v1"


async def test_a_version_is_warmed_before_it_is_live(shop: Shop) -> None:
    await shop.live.apply(shop.release("v1"))
    assert shop.engine.warmed == ["v1"]
    shop.engine.cold = AdapterRefusedError("no numbers", "corrupt")
    await shop.live.apply(shop.release("v2"))
    assert (shop.live.version, shop.engine._adapters) == ("v1", {"v1"}), "what failed is not left in the engine"
    shop.engine.cold = EngineUnavailableError("out")
    await shop.live.apply(shop.release("v3"))
    assert shop.live.version == "v1"
    shop.engine.cold = None
    await eventually(lambda: shop.live.version == "v3")


async def test_each_version_brings_its_own_temperature_and_threshold(shop: Shop) -> None:
    folder = make_adapter_folder(shop.folder / "v1", "v1", temperature=2.5, threshold=0.25)
    await shop.live.apply(release_of(folder, "v1"))
    assert shop.live.trust(shop.live.acquire()) == Trust(2.5, 0.25)
    await shop.live.apply(shop.release("v2"))
    assert shop.live.trust("v1") == Trust(2.5, 0.25), "still held"
    assert shop.live.trust(shop.live.version) == Trust(1.0, 0.5)
    assert shop.live.trust(None) is None


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
    shop = Shop(tmp_path)
    release = shop.release("v1")
    store = fsspec.filesystem("memory")
    store.put(release.uri, "/models/v1", recursive=True)
    sha256 = release.sha256 or ""
    folder = fetch("memory://models/v1", sha256, tmp_path / "other")
    assert folder_sha256(folder) == sha256
    store.rm("/models", recursive=True)
    assert fetch("memory://models/v1", sha256, tmp_path / "other") == folder, "fetched once"


def test_too_large_a_folder_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter_files, "MAX_FOLDER_BYTES", 10)
    release = Shop(tmp_path).release("v1")
    with pytest.raises(AdapterRefusedError, match="bytes") as refusal:
        fetch(release.uri or "", release.sha256 or "", tmp_path / "cache")
    assert refusal.value.reason == "oversized"
    assert list((tmp_path / "cache").iterdir()) == []


async def test_too_large_a_folder_is_counted_and_the_old_one_stays(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.live.apply(shop.release("v1"))
    monkeypatch.setattr(adapter_files, "MAX_FOLDER_BYTES", 10)
    before = refused("oversized")
    await shop.live.apply(shop.release("v2"))
    assert (shop.live.version, refused("oversized") - before) == ("v1", 1)


async def test_a_store_that_is_out_is_waited_for_and_refuses_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.live.apply(shop.release("v1"))
    before = refused()

    def out(*_: object) -> int:
        raise TimeoutError("no answer")

    with capture_logs() as logs, monkeypatch.context() as outage:
        outage.setattr(adapter_files, "_size", out)
        await shop.live.apply(shop.release("v2"))
        assert shop.live.version == "v1"
        assert metrics.ADAPTER_WAITS._value.get() == 1
    (told, *_) = [one for one in logs if one["event"] == "adapter_waits"]
    assert "TimeoutError" in told["reason"]
    await eventually(lambda: shop.live.version == "v2")
    assert (metrics.ADAPTER_WAITS._value.get(), refused()) == (0, before)


def test_a_change_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    release = Shop(tmp_path).release("v1")
    (tmp_path / "v1" / "gate" / "report.md").write_text("worse!")
    with pytest.raises(AdapterRefusedError, match="checksum"):
        fetch(release.uri or "", release.sha256 or "", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


async def test_the_cache_keeps_what_is_loaded_and_the_last_few(shop: Shop) -> None:
    releases = {f"v{number}": shop.release(f"v{number}") for number in range(1, 6)}
    await shop.live.apply(releases["v1"])
    held = shop.live.acquire()
    for number in range(2, 6):
        await shop.live.apply(releases[f"v{number}"])
        await shop.settled()
    assert shop.cached == {"v1", "v3", "v4", "v5"}, "v1 is held, v5 live"
    shop.live.release(held)
    await shop.settled()
    assert shop.cached == {"v3", "v4", "v5"}
    await shop.live.apply(shop.release(None))
    await shop.settled()
    assert shop.cached == {"v4", "v5"}


async def test_a_rollback_keeps_the_version_that_it_goes_back_to(shop: Shop) -> None:
    releases = [shop.release(f"v{number}") for number in range(1, 4)]
    for release in (*releases, releases[0]):
        await shop.live.apply(release)
        await shop.settled()
    assert shop.live.version == "v1"
    assert shop.cached == {"v1", "v2", "v3"}


async def test_folders_of_other_models_and_what_is_being_fetched_are_left_alone(shop: Shop) -> None:
    cache = shop.folder / "cache"
    make_adapter_folder(cache / "other", "theirs", model="another")
    (cache / "fetching-now").mkdir()
    (cache / "fetching-then").mkdir()
    os.utime(cache / "fetching-then", (0, 0))
    os.utime(cache / "other", (0, 0))
    for number in range(1, 6):
        await shop.live.apply(shop.release(f"v{number}"))
        await shop.settled()
    assert shop.cached == {"theirs", "fetching-now", "v3", "v4", "v5"}
