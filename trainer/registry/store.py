"""Adapters as immutable folders ``NAME/VERSION/``, on a path or any fsspec store, and beside them what was decided.

    NAME/VERSION/adapter_model.safetensors   PEFT's files
    NAME/VERSION/sentistream.json            schemas.adapter.AdapterMetadata
    NAME/VERSION/gate/...                    the gate's report
    NAME/VERSION/SHA256SUMS                  `sha256sum -c SHA256SUMS` checks all of them
    NAME/releases/TIME-VERSION.json          schemas.release.AdapterRelease, one file a decision

The topic of releases is compacted, so that it holds the last decision alone: the history is here. One file a decision
and not one growing file, because an object store cannot append, and two writers would lose each other's lines.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

import fsspec  # type: ignore[import-untyped]
import structlog
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]
from pydantic import ValidationError

from schemas.adapter import METADATA_FILE, AdapterMetadata, folder_sha256
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.release import AdapterRelease
from trainer.registry.checksums import SUMS_FILE, check_folder, sums_of, to_text
from trainer.registry.errors import (
    DamagedAdapterError,
    RegistryError,
    RegistryUnavailableError,
    UnknownVersionError,
    VersionTakenError,
)
from trainer.registry.publishing import publish_by_mark, publish_by_rename

log = structlog.get_logger()

REPORT_FOLDER: Final = "gate"
_DECISIONS: Final = "releases"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class StoredAdapter:
    """One published version.

    Attributes:
        uri: its folder, as workers are told.
    """

    model: str
    version: str
    uri: str
    metadata: AdapterMetadata


class Registry:
    """All methods raise RegistryUnavailableError where the store does not answer."""

    def __init__(self, address: str) -> None:
        """Open a folder or an fsspec address; RegistryError where there is no such kind of store."""
        try:
            self._system, self._root = fsspec.core.url_to_fs(address)
        except (ValueError, ImportError) as error:
            raise RegistryError(f"{address} cannot be a registry: {error}. Set TRAINER_REGISTRY") from error
        self._local = isinstance(self._system, LocalFileSystem)

    def publish(self, weights: Path, metadata: AdapterMetadata, reports: Path | None = None) -> StoredAdapter:
        """Keep an adapter for good: all of it, or nothing that anybody sees. The same again changes nothing.

        Args:
            weights: PEFT's folder.
            metadata: goes into the folder, and gives it its name.
            reports: a folder of what the gate wrote.

        Raises:
            VersionTakenError: the version is there with another content.
            RegistryUnavailableError: the store did not take it; a second try starts clean.
        """
        target = self._path(metadata.model, metadata.version)
        with tempfile.TemporaryDirectory(prefix="publishing-") as scratch, self._reached(target):
            staged = _stage(Path(scratch) / "adapter", weights, metadata, reports)
            self._system.invalidate_cache()
            if self._system.exists(f"{target}/{SUMS_FILE}"):
                if self._system.cat_file(f"{target}/{SUMS_FILE}") != (staged / SUMS_FILE).read_bytes():
                    raise VersionTakenError(f"{target} is there with another content: give this one another version")
            elif self._local:
                publish_by_rename(staged, Path(target))
            else:
                publish_by_mark(staged, self._system, target)
        log.info("adapter_published", model=metadata.model, version=metadata.version, uri=self._uri(target))
        return StoredAdapter(metadata.model, metadata.version, self._uri(target), metadata)

    def versions(self, model: str) -> tuple[StoredAdapter, ...]:
        """All published versions, oldest first; what cannot be read is left out with a warning."""
        found: list[StoredAdapter] = []
        for name in self._names(model):
            try:
                found.append(self.find(model, name))
            except UnknownVersionError:
                continue  # half-made, or no version at all
            except DamagedAdapterError as error:
                log.warning("adapter_unreadable", model=model, version=name, reason=str(error))
        return tuple(sorted(found, key=lambda one: one.version))

    def find(self, model: str, version: str) -> StoredAdapter:
        """One version.

        Raises:
            UnknownVersionError: there is none of this name.
            DamagedAdapterError: its metadata cannot be read.
        """
        folder = self._path(model, version)
        with self._reached(folder):
            self._system.invalidate_cache()
            if not self._system.exists(f"{folder}/{SUMS_FILE}"):
                raise UnknownVersionError(f"{self._uri(folder)} does not exist: `sentistream adapters list` shows all")
            try:
                metadata = AdapterMetadata.model_validate_json(self._system.cat_file(f"{folder}/{METADATA_FILE}"))
            except (FileNotFoundError, ValidationError) as error:
                raise DamagedAdapterError(f"{self._uri(folder)}/{METADATA_FILE} cannot be read: {error}") from error
        return StoredAdapter(model, version, self._uri(folder), metadata)

    def fetch(self, model: str, version: str, folder: Path) -> str:
        """Copy a version into a folder that does not exist yet, check it, and return its checksum.

        Raises:
            UnknownVersionError: there is none of this name.
            DamagedAdapterError: it is not what was published.
        """
        stored = self.find(model, version)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with self._reached(stored.uri):
            self._system.get(self._path(model, version) + "/", f"{folder}/", recursive=True)
        check_folder(folder, stored.uri)
        if (stored.metadata.model, stored.metadata.version) != (model, version):
            raise DamagedAdapterError(
                f"{stored.uri} says that it is {stored.metadata.version} of {stored.metadata.model}: it was moved here"
            )
        return folder_sha256(folder)

    def checksum(self, model: str, version: str) -> str:
        """Read all of a version, check it, and return what its release must say; raises as `fetch`."""
        with tempfile.TemporaryDirectory(prefix="checking-") as scratch:
            return self.fetch(model, version, Path(scratch) / "adapter")

    def note(self, decision: AdapterRelease) -> None:
        """Keep a decision in the history; the same again changes nothing."""
        time = decision.decided_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = f"{self._path(decision.model)}/{_DECISIONS}/{time}-{decision.version or 'base'}.json"
        with self._reached(path):
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(path, (decision.model_dump_json(exclude_none=True) + "\n").encode())

    def history(self, model: str) -> tuple[AdapterRelease, ...]:
        """All decisions about a model, oldest first."""
        found: list[AdapterRelease] = []
        for name in self._names(f"{model}/{_DECISIONS}"):
            path = f"{self._path(model)}/{_DECISIONS}/{name}"
            with self._reached(path):
                value = self._system.cat_file(path)
            try:
                found.append(decode(AdapterRelease, value))
            except SchemaError as error:
                log.warning("decision_unreadable", path=path, reason=str(error))
        return tuple(sorted(found, key=lambda one: one.decided_at))

    def _names(self, folder: str) -> list[str]:
        path = self._path(folder)
        with self._reached(path):
            self._system.invalidate_cache()
            try:
                entries = self._system.ls(path, detail=False)
            except FileNotFoundError:
                return []
        names = [str(entry).rstrip("/").rpartition("/")[2] for entry in entries]
        return [name for name in names if _NAME.fullmatch(name) and name != _DECISIONS]

    def _path(self, *parts: str) -> str:
        """A path below the root; no name leads out of it."""
        names = "/".join(parts).split("/")
        if not all(map(_NAME.fullmatch, names)) or _DECISIONS in parts[1:]:
            raise RegistryError(
                f"{'/'.join(parts)!r} cannot be a folder's name: letters, digits, '.', '_' and '-' only"
            )
        return "/".join((self._root.rstrip("/"), *names))

    def _uri(self, path: str) -> str:
        return path if self._local else str(self._system.unstrip_protocol(path))

    @contextmanager
    def _reached(self, path: str) -> Iterator[None]:
        """Whatever a store fails by, in one kind of error: each has its own."""
        try:
            yield
        except RegistryError:
            raise
        except Exception as error:
            raise RegistryUnavailableError(
                f"{self._uri(path)}: the store failed by {type(error).__name__}: {error}. Nothing was changed that "
                "anybody sees; see TRAINER_REGISTRY and try again"
            ) from error


def _stage(folder: Path, weights: Path, metadata: AdapterMetadata, reports: Path | None) -> Path:
    """The folder as it will be, on this machine."""
    shutil.copytree(weights, folder, ignore=shutil.ignore_patterns(METADATA_FILE, SUMS_FILE))
    (folder / METADATA_FILE).write_text(metadata.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if reports is not None:
        shutil.copytree(reports, folder / REPORT_FOLDER)
    (folder / SUMS_FILE).write_text(to_text(sums_of(folder)), encoding="utf-8")
    return folder
