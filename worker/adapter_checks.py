"""From a release to a folder that this worker's model can use, or the reason why not. Call it from a thread."""

import json
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import ValidationError

from schemas.adapter import METADATA_FILE, AdapterMetadata, weights_sha256
from schemas.release import AdapterRelease
from worker.adapter_files import fetch, prune
from worker.calibration import Trust
from worker.engines.contract import Adapter, AdapterRefusedError

log = structlog.get_logger()

_CONFIG_FILE: Final = "adapter_config.json"


@dataclass(frozen=True, slots=True)
class CheckedAdapter:
    """An adapter whose files are what was released, and fit; and how far its answers are trusted."""

    adapter: Adapter
    trust: Trust


class ServedModel:
    """The base model under this worker's adapters."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._lock = threading.Lock()
        self._sha256: str | None = None

    @property
    def sha256(self) -> str | None:
        """Of its weights, read once; None where the folder holds none, as in front of a server that has them."""
        with self._lock:
            if self._sha256 is None and any(self._folder.glob("*.safetensors")):
                self._sha256 = weights_sha256(self._folder)
            return self._sha256


class AdapterFolders:
    """Adapters of one base model, in a cache on this machine."""

    def __init__(self, cache: Path, model: ServedModel, max_rank: int, keep: int = 5) -> None:
        """Refuse adapters of a rank above ``max_rank``; keep the last ``keep`` that are not in use."""
        self._cache = cache
        self._model = model
        self._max_rank = max_rank
        self._keep = keep

    def get(self, release: AdapterRelease) -> CheckedAdapter:
        """Fetch what was released, and compare it with its checksum, with its own metadata and with the model.

        Raises:
            AdapterRefusedError: it is missing, corrupt, too large, or made for another model.
            AdapterStoreError: the store does not answer.
        """
        if release.version is None or not release.uri or release.sha256 is None:
            raise AdapterRefusedError(
                f"the release of {release.version} does not say which folder, or not its checksum: "
                "release it by `sentistream adapters release`",
                "release",
            )
        self._check_base(release.base_sha256, "the release")
        folder = fetch(release.uri, release.sha256, self._cache)
        metadata = _metadata(folder, release.uri)
        if (metadata.model, metadata.version) != (self._model.name, release.version):
            raise AdapterRefusedError(
                f"{release.uri} is version {metadata.version} for {metadata.model}, "
                f"not {release.version} for {self._model.name}",
                "foreign",
            )
        self._check_base(metadata.base_sha256, release.uri)
        if (rank := _rank(folder, release.uri)) > self._max_rank:
            raise AdapterRefusedError(
                f"{release.uri} has rank {rank}; this worker takes {self._max_rank} at most (MAX_ADAPTER_RANK)",
                "oversized",
            )
        return CheckedAdapter(Adapter(release.version, folder), Trust(metadata.temperature, metadata.threshold))

    def prune(self, in_use: Collection[Path]) -> None:
        """Remove older versions of this model from the cache, but none of the folders in use."""
        prune(self._cache, in_use, self._keep, self._is_ours)

    def _is_ours(self, folder: Path) -> bool:
        try:
            return _metadata(folder, str(folder)).model == self._model.name
        except (AdapterRefusedError, OSError):
            return False

    def _check_base(self, said: str | None, where: str) -> None:
        served = self._model.sha256
        if said is not None and served is not None and said != served:
            raise AdapterRefusedError(
                f"{where} names a base model with checksum {said}; {self._model.name} here has {served}: "
                "serve the weights that the adapter was trained on (MODEL)",
                "foreign",
            )


def _metadata(folder: Path, uri: str) -> AdapterMetadata:
    try:
        return AdapterMetadata.model_validate_json((folder / METADATA_FILE).read_bytes())
    except FileNotFoundError:
        raise AdapterRefusedError(f"{uri} has no {METADATA_FILE}: publish it by the registry", "metadata") from None
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        raise AdapterRefusedError(f"{uri}: {METADATA_FILE} cannot be used: {found}", "metadata") from error


def _rank(folder: Path, uri: str) -> int:
    """The largest of any layer."""
    try:
        config: Any = json.loads((folder / _CONFIG_FILE).read_bytes())
        return max(int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values()), 0)
    except FileNotFoundError:
        raise AdapterRefusedError(f"{uri} has no {_CONFIG_FILE}: it is no LoRA adapter", "missing") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AdapterRefusedError(f"{uri}: {_CONFIG_FILE} names no rank: {error}", "corrupt") from error
