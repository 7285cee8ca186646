"""The adapter that is live as a refresh begins, with its files on this machine."""

import shutil
from functools import cached_property
from pathlib import Path

from schemas.adapter import AdapterMetadata
from trainer.registry.store import Registry
from trainer.releases import Releases


class LiveAdapter:
    """Asked for once and then remembered, so that a whole run is made from the same one.

    Args:
        registry: where adapters are.
        releases: which one is live.
        model: the base model's name.
        cache: a folder for its files.
    """

    def __init__(self, registry: Registry, releases: Releases, model: str, cache: Path) -> None:
        self._registry = registry
        self._releases = releases
        self._model = model
        self._cache = cache

    @cached_property
    def metadata(self) -> AdapterMetadata | None:
        """None where the base model serves without an adapter.

        Raises:
            RegistryError: Kafka does not say, or the registry does not know the version.
        """
        live = self._releases.live(self._model)
        if live is None or live.version is None:
            return None
        return self._registry.find(self._model, live.version).metadata

    def version_now(self) -> str | None:
        """What is live at this moment, asked anew: a rollback does not wait for a run. ReleaseError without Kafka."""
        live = self._releases.live(self._model)
        return live.version if live else None

    def folder(self) -> Path | None:
        """Its files, checked and fetched once; those of earlier versions are removed."""
        if self.metadata is None:
            return None
        version = self.metadata.version
        if not (self._cache / version).is_dir():
            shutil.rmtree(self._cache, ignore_errors=True)
            partial = self._cache / f"{version}.partial"
            self._registry.fetch(self._model, version, partial)
            partial.rename(self._cache / version)
        return self._cache / version
