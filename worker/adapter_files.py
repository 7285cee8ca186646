"""An adapter's files: fetched once, and known by their checksum."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

import fsspec  # type: ignore[import-untyped]

from schemas.adapter import folder_sha256
from worker.engines.contract import Adapter, AdapterRefusedError

#: A LoRA adapter of a 70-billion-parameter model at rank 64 stays below this.
MAX_FOLDER_BYTES: Final = 4 << 30


def fetch(uri: str, version: str, sha256: str | None, cache: Path) -> Adapter:
    """The folder of an adapter, from a path or any fsspec address, with its checksum compared.

    Raises:
        AdapterRefusedError: it cannot be had, is too large, or is not what was released.
    """
    if sha256 is None:
        raise AdapterRefusedError(f"the release of {version} names no checksum: release it by `sentistream adapters`")
    if not uri:  # which fsspec takes for the working directory
        raise AdapterRefusedError(f"the release of {version} does not say where its folder is")
    # Named by its content: what is there is whole, and is what was asked for.
    folder = cache.expanduser() / sha256
    if not folder.is_dir():
        try:
            _download(uri, version, sha256, folder)
        except OSError as error:
            raise AdapterRefusedError(f"{cache} cannot take {version}: {error}. See ADAPTERS_CACHE") from error
    return Adapter(version, folder)


def _download(uri: str, version: str, sha256: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
        arrived = Path(scratch) / "adapter"
        try:
            system, path = fsspec.core.url_to_fs(uri)
            size = system.du(path, total=True)
            if size <= MAX_FOLDER_BYTES:
                system.get(path.rstrip("/") + "/", str(arrived) + "/", recursive=True)
        except Exception as error:
            raise AdapterRefusedError(f"{uri} cannot be fetched: {type(error).__name__}: {error}") from error
        if size > MAX_FOLDER_BYTES:
            raise AdapterRefusedError(f"{uri} has {size} bytes; at most {MAX_FOLDER_BYTES} are fetched")
        if (found := folder_sha256(arrived)) != sha256:
            raise AdapterRefusedError(f"{uri} has checksum {found}, but {version} was released as {sha256}")
        if not folder.is_dir():
            shutil.move(arrived, folder)
