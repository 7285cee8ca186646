"""An adapter's files: fetched once, and known by their checksum."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

import fsspec  # type: ignore[import-untyped]
import structlog

from schemas.adapter import folder_sha256
from worker.engines.contract import AdapterRefusedError, AdapterStoreError

log = structlog.get_logger()

#: A LoRA adapter of a 70-billion-parameter model at rank 64 stays below this.
MAX_FOLDER_BYTES: Final = 4 << 30
_FETCHING: Final = "fetching-"
_DROPPING: Final = "dropping-"
#: What a killed worker left half done is nobody's after so long.
_LEFT_OVER_S: Final = 86_400.0


def fetch(uri: str, sha256: str, cache: Path) -> Path:
    """The folder of an adapter, from a path or any fsspec address, with its checksum compared.

    Raises:
        AdapterRefusedError: it is not there, is too large, or is not what was released.
        AdapterStoreError: the store does not answer.
    """
    # Named by its content: what is there was whole when it came. Disks and people change files, so it is read again.
    folder = cache.expanduser() / sha256
    if folder.is_dir():
        if _is_whole(folder, sha256):
            return folder
        log.warning("adapter_cache_damaged", folder=str(folder))
        shutil.rmtree(folder, ignore_errors=True)
    try:
        _download(uri, sha256, folder)
        os.utime(folder)
    except OSError as error:
        raise AdapterStoreError(f"{cache} cannot take {uri}: {error}. See ADAPTERS_CACHE") from error
    return folder


def prune(cache: Path, in_use: Collection[Path], keep: int, is_ours: Callable[[Path], bool]) -> None:
    """Remove all folders but those in use and the ``keep`` that were used last; workers may share a cache.

    Args:
        cache: of `fetch`.
        in_use: folders that stay, however old they are.
        keep: others that stay, such as for a rollback while the store is out.
        is_ours: whether a folder is of this worker's model; those of others are theirs to remove.
    """
    cache = cache.expanduser()
    try:
        folders = sorted(cache.iterdir(), key=_used_at, reverse=True)
        old = [one for one in folders if one not in in_use and not _is_partial(one) and is_ours(one)][keep:]
        left_over = [one for one in folders if _is_partial(one) and time.time() - _used_at(one) > _LEFT_OVER_S]
        for folder in (*old, *left_over):
            # Renamed first: whoever looks for it finds all of it, or nothing.
            gone = folder if _is_partial(folder) else folder.rename(cache / f"{_DROPPING}{folder.name}")
            shutil.rmtree(gone, ignore_errors=True)
            log.info("adapter_cache_pruned", folder=folder.name)
    except OSError as error:
        log.warning("adapter_cache_not_pruned", cache=str(cache), reason=str(error))


def _is_whole(folder: Path, sha256: str) -> bool:
    try:
        # Used now: no other worker removes it as an old one.
        os.utime(folder)
        return folder_sha256(folder) == sha256
    except OSError:
        return False


def _is_partial(folder: Path) -> bool:
    return folder.name.startswith((_FETCHING, _DROPPING))


def _used_at(folder: Path) -> float:
    """Seconds since 1970; 0 for what another worker has just removed."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _download(uri: str, sha256: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_FETCHING) as scratch:
        arrived = Path(scratch) / "adapter"
        _get(uri, arrived)
        if (found := folder_sha256(arrived)) != sha256:
            raise AdapterRefusedError(f"{uri} has checksum {found}, but was released as {sha256}", "corrupt")
        try:
            arrived.rename(folder)
        except OSError:
            # Another worker that shares the cache was first.
            if not folder.is_dir():
                raise


def _get(uri: str, folder: Path) -> None:
    try:
        system, path = fsspec.core.url_to_fs(uri)
    except (ValueError, ImportError) as error:
        raise AdapterRefusedError(f"{uri} cannot be fetched: {error}", "missing") from error
    try:
        # What the store was last seen to hold may be older than the release.
        system.invalidate_cache()
        size = _size(system, path)
        if size <= MAX_FOLDER_BYTES:
            system.get(path.rstrip("/") + "/", f"{folder}{os.sep}", recursive=True)
    except FileNotFoundError as error:
        raise AdapterRefusedError(f"{uri} is not there", "missing") from error
    except Exception as error:  # each kind of store has errors of its own
        raise AdapterStoreError(f"{uri} cannot be fetched now: {type(error).__name__}: {error}") from error
    if size > MAX_FOLDER_BYTES:
        raise AdapterRefusedError(f"{uri} has {size} bytes; at most {MAX_FOLDER_BYTES} are fetched", "oversized")


def _size(system: Any, path: str) -> int:
    """In bytes; FileNotFoundError where there is nothing."""
    sizes = system.du(path, total=False)
    if not sizes:
        raise FileNotFoundError(path)
    return int(sum(sizes.values()))
