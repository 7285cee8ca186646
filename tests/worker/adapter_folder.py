"""A released adapter's folder as the registry makes it, with weights that only a scripted engine takes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.adapter import METADATA_FILE, AdapterMetadata, folder_sha256
from schemas.release import AdapterRelease

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def add_metadata(folder: Path, version: str, model: str, **changed: Any) -> Path:
    """Write an adapter's own description into its folder."""
    given: dict[str, Any] = {
        "model": model,
        "version": version,
        "base_sha256": "0" * 64,
        "temperature": 1.0,
        "threshold": 0.5,
        "made_at": NOW,
    }
    metadata = AdapterMetadata(**(given | changed))
    (folder / METADATA_FILE).write_text(metadata.model_dump_json())
    return folder


def make_adapter_folder(folder: Path, version: str, model: str = "m", rank: int = 8, **changed: Any) -> Path:
    """Write all of a folder."""
    (folder / "gate").mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "peft_type": "LORA", "for": version}))
    (folder / "gate" / "report.md").write_text("better")
    return add_metadata(folder, version, model, **changed)


def release_of(folder: Path | None, version: str | None, model: str = "m", **changed: Any) -> AdapterRelease:
    """The record that makes a folder live, or the base model."""
    given: dict[str, Any] = {"model": model, "version": version, "status": "released", "decided_at": NOW}
    if folder is not None:
        given |= {"uri": str(folder), "sha256": folder_sha256(folder)}
    return AdapterRelease(**(given | changed))
