"""Adapters are kept whole or not at all, and for good."""

import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from schemas.adapter import METADATA_FILE, AdapterMetadata, folder_sha256
from schemas.release import AdapterRelease
from sentistream.embedded.ports import is_listening, kept_ports
from tests.waiting import wait_for
from trainer.registry import Registry, publishing
from trainer.registry.checksums import SUMS_FILE
from trainer.registry.errors import (
    DamagedAdapterError,
    RegistryError,
    RegistryUnavailableError,
    UnknownVersionError,
    VersionTakenError,
)

NOW = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
MODEL, VERSION = "little", "20261121T031500Z-3f2a"


def metadata(version: str = VERSION, **changed: Any) -> AdapterMetadata:
    given: dict[str, Any] = {
        "model": MODEL,
        "version": version,
        "base_sha256": "0" * 64,
        "temperature": 1.2,
        "threshold": 0.1,
        "made_at": NOW,
    }
    return AdapterMetadata(**(given | changed))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 64)
    (folder / "adapter_config.json").write_text('{"r": 8}')
    return folder


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    (folder / "pictures").mkdir(parents=True)
    (folder / "report.md").write_text("# better")
    (folder / "pictures" / "confusion.png").write_bytes(b"png")
    return folder


@pytest.fixture(params=["path", "file", "memory", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A registry on each kind of store."""
    match request.param:
        case "path":
            yield str(tmp_path / "registry")
        case "file":
            yield f"file://{tmp_path}/registry"
        case "memory":
            yield "memory://registry"
            MemoryFileSystem.store.clear()
            MemoryFileSystem.pseudo_dirs[:] = [""]
        case _:
            yield from s3_address(request.getfixturevalue("monkeypatch"), tmp_path)


def s3_address(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[str]:
    """A bucket on a server that speaks S3, in a process of its own: vLLM cannot start where flask is imported."""
    host, (port,) = "127.0.0.1", kept_ports(folder / "s3-port", 1)
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: is_listening(port), "the server that speaks S3")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": f"http://{host}:{port}"})
        bucket = f"models-{secrets.token_hex(4)}"
        fsspec.filesystem("s3").mkdir(bucket)
        yield f"s3://{bucket}/registry"
        fsspec.filesystem("s3").clear_instance_cache()
    finally:
        server.terminate()
        server.wait()


def test_what_is_published_is_found_and_fetched_whole(
    address: str, weights: Path, reports: Path, tmp_path: Path
) -> None:
    published = Registry(address).publish(weights, metadata(), reports)
    registry = Registry(address)
    assert registry.versions(MODEL) == (published,)
    checksum = registry.fetch(MODEL, VERSION, tmp_path / "here")
    here = tmp_path / "here"
    assert checksum == folder_sha256(here) == registry.checksum(MODEL, VERSION)
    assert {path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()} == {
        "adapter_model.safetensors", "adapter_config.json", METADATA_FILE, SUMS_FILE, "gate/report.md",
        "gate/pictures/confusion.png",
    }  # fmt: skip
    assert AdapterMetadata.model_validate_json((here / METADATA_FILE).read_bytes()) == metadata()
    # As workers get it: by the address in the release.
    system, path = fsspec.core.url_to_fs(published.uri)
    system.get(path + "/", f"{tmp_path}/there/", recursive=True)
    assert folder_sha256(tmp_path / "there") == checksum


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs coreutils")
def test_the_checksum_file_is_one_that_sha256sum_takes(tmp_path: Path, weights: Path, reports: Path) -> None:
    folder = Path(Registry(str(tmp_path / "registry")).publish(weights, metadata(), reports).uri)

    def check() -> int:
        return subprocess.run(["sha256sum", "--strict", "-c", SUMS_FILE], cwd=folder, check=False).returncode  # noqa: S607

    assert check() == 0
    (folder / "adapter_config.json").write_text("{}")
    assert check() != 0


def test_the_same_again_changes_nothing_and_another_content_is_refused(address: str, weights: Path) -> None:
    registry = Registry(address)
    first = registry.publish(weights, metadata())
    assert registry.publish(weights, metadata()) == first
    with pytest.raises(VersionTakenError, match="another version"):
        registry.publish(weights, metadata(temperature=2.0))
    (weights / "adapter_model.safetensors").write_bytes(b"others")
    with pytest.raises(VersionTakenError):
        registry.publish(weights, metadata())
    assert registry.find(MODEL, VERSION).metadata == metadata()


def test_versions_come_in_the_order_of_their_names(address: str, weights: Path) -> None:
    registry = Registry(address)
    names = ["20261121T031500Z-3f2a", "20261020T031500Z-ffff", "20261122T031500Z-0000"]
    for name in names:
        registry.publish(weights, metadata(name))
    assert [one.version for one in registry.versions(MODEL)] == sorted(names)
    assert registry.versions("another") == ()


def test_an_unknown_version_is_named(address: str) -> None:
    with pytest.raises(UnknownVersionError, match="v9"):
        Registry(address).find(MODEL, "v9")


@pytest.mark.parametrize("name", ["..", "../other", "", ".hidden", "a b", "releases"])
def test_no_name_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryError, match="cannot be"):
        Registry(str(tmp_path)).find(MODEL, name)


def test_an_address_of_no_known_kind(tmp_path: Path) -> None:
    del tmp_path
    with pytest.raises(RegistryError, match="TRAINER_REGISTRY"):
        Registry("nosuchprotocol://bucket")


class Failing(MemoryFileSystem):
    """A store of its own that takes so many writes and then fails, in the middle of a file."""

    protocol = "failing"
    store: dict[str, Any] = {}  # noqa: RUF012 - shared by instances, as in its parent
    pseudo_dirs = [""]  # noqa: RUF012
    left: int | None = None

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("failing://", "memory://")))

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        if Failing.left is not None:
            Failing.left -= 1
            if Failing.left < 0:
                if not rpath.endswith(SUMS_FILE):  # worse than object stores, where no half of an object is ever seen
                    self.pipe_file(rpath, Path(lpath).read_bytes()[:10])
                raise OSError("the connection was reset")
        super().put_file(lpath, rpath, **options)


@pytest.fixture
def failing() -> Iterator[str]:
    fsspec.register_implementation("failing", Failing, clobber=True)
    Failing.store.clear()
    yield "failing://registry"
    Failing.left = None
    Failing.store.clear()


@pytest.mark.parametrize("files", range(6))
def test_a_store_that_fails_midway_shows_nothing_and_takes_a_second_try(
    failing: str, weights: Path, reports: Path, files: int, tmp_path: Path
) -> None:
    registry = Registry(failing)
    live = registry.publish(weights, metadata("20261101T000000Z-aaaa"))
    Failing.left = files
    with pytest.raises(RegistryUnavailableError, match="connection was reset"):
        registry.publish(weights, metadata(), reports)
    assert registry.versions(MODEL) == (live,)
    with pytest.raises(UnknownVersionError):
        registry.fetch(MODEL, VERSION, tmp_path / "half")
    Failing.left = None
    # Another content even: what the first attempt left is gone.
    registry.publish(weights, metadata(temperature=3.0))
    registry.fetch(MODEL, VERSION, tmp_path / "whole")
    assert not (tmp_path / "whole" / "gate").exists()
    registry.fetch(MODEL, live.version, tmp_path / "live")


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_disk_that_fails_midway_shows_nothing_and_takes_a_second_try(
    tmp_path: Path, weights: Path, reports: Path, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(str(tmp_path / "registry"))
    live = registry.publish(weights, metadata("20261101T000000Z-aaaa"))
    left = nth

    def full(path: Path) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(28, f"no space left for {path}")

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "sync", full)
        with pytest.raises(RegistryUnavailableError, match="no space left"):
            registry.publish(weights, metadata(), reports)
    assert registry.versions(MODEL) == (live,)
    assert [path.name for path in (tmp_path / "registry" / MODEL).iterdir()] == [live.version]
    registry.publish(weights, metadata(), reports)
    assert registry.checksum(MODEL, VERSION)


def test_what_a_killed_process_left_beside_is_no_version_and_goes(tmp_path: Path, weights: Path) -> None:
    left = tmp_path / "registry" / MODEL / f".{VERSION}.partial"
    left.mkdir(parents=True)
    (left / SUMS_FILE).write_text("")
    registry = Registry(str(tmp_path / "registry"))
    assert registry.versions(MODEL) == ()
    registry.publish(weights, metadata())
    assert not left.exists()


def test_a_reader_beside_a_writer_sees_whole_versions_only(tmp_path: Path, weights: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    (weights / "large").write_bytes(bytes(4 << 20))
    done = threading.Event()

    def publish() -> None:
        for number in range(10):
            registry.publish(weights, metadata(f"v{number}"))
        done.set()

    writer = threading.Thread(target=publish)
    writer.start()
    seen = 0
    while not (ended := done.is_set()) or not seen:
        versions = Registry(str(tmp_path / "registry")).versions(MODEL)
        for one in versions[seen:]:
            registry.checksum(MODEL, one.version)
        seen = len(versions)
        if ended:
            break
    writer.join()
    assert len(registry.versions(MODEL)) == 10


def damage_bytes(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"r": 64}')


def damage_missing(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def damage_more(folder: Path) -> None:
    (folder / "more").write_text("more")


@pytest.mark.parametrize(
    ("harm", "what"), [(damage_bytes, "other bytes"), (damage_missing, "missing"), (damage_more, "not in it")]
)
def test_damage_is_found_and_named(tmp_path: Path, weights: Path, harm: Callable[[Path], None], what: str) -> None:
    registry = Registry(str(tmp_path / "registry"))
    harm(Path(registry.publish(weights, metadata()).uri))
    with pytest.raises(DamagedAdapterError, match=what):
        registry.checksum(MODEL, VERSION)


def test_a_folder_that_was_moved_to_another_name_is_refused(tmp_path: Path, weights: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    folder = Path(registry.publish(weights, metadata()).uri)
    shutil.copytree(folder, folder.with_name("v2"))
    with pytest.raises(DamagedAdapterError, match="moved"):
        registry.checksum(MODEL, "v2")


def test_metadata_that_cannot_be_read_hides_one_version_only(tmp_path: Path, weights: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    for name in ("v1", "v2"):
        folder = Path(registry.publish(weights, metadata(name)).uri)
    (folder / METADATA_FILE).write_text("{}")
    assert [one.version for one in registry.versions(MODEL)] == ["v1"]
    with pytest.raises(DamagedAdapterError):
        registry.find(MODEL, "v2")


def test_decisions_are_kept_in_order_and_once(address: str) -> None:
    registry = Registry(address)
    assert registry.history(MODEL) == ()
    made = [
        AdapterRelease(model=MODEL, version=version, status="released", decided_at=NOW + timedelta(seconds=at))
        for at, version in enumerate(("v1", "v2", None))
    ]
    for one in (*reversed(made), made[0]):
        registry.note(one)
    registry.note(made[0].model_copy(update={"model": "another"}))
    assert Registry(address).history(MODEL) == tuple(made)
    assert registry.versions(MODEL) == ()
