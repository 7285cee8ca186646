"""Finished adapters, kept for good, and the record of which of them were live."""

from trainer.registry.store import Registry, StoredAdapter

__all__ = ["Registry", "StoredAdapter"]
