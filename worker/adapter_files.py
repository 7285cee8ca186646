"""An adapter's files: fetched once, and known by their checksum."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import fsspec  # type: ignore[import-untyped]
import structlog

from schemas.adapter import folder_sha256
from worker.engines.contract import AdapterRefusedError, AdapterStoreError

log = structlog.get_logger()

#: A LoRA adapter of a 70-billion-parameter model at rank 64 stays below this.
MAX_FOLDER_BYTES: Final = 4 << 30


def fetch(uri: str, sha256: str, cache: Path) -> Path:
    """The folder of an adapter, from a path or any fsspec address, with its checksum compared.

    Raises:
        AdapterRefusedError: it is not there, is too large, or is not what was released.
        AdapterStoreError: the store does not answer.
    """
    # Named by its content: what is there was whole when it came. Disks and people change files, so it is read again.
    folder = cache.expanduser() / sha256
    if folder.is_dir():
        if folder_sha256(folder) == sha256:
            return folder
        log.warning("adapter_cache_damaged", folder=str(folder))
        shutil.rmtree(folder, ignore_errors=True)
    try:
        _download(uri, sha256, folder)
    except OSError as error:
        raise AdapterStoreError(f"{cache} cannot take {uri}: {error}. See ADAPTERS_CACHE") from error
    return folder


def _download(uri: str, sha256: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
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
