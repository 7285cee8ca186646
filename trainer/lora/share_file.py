"""The choice of a share, beside the weights that were made by it."""

from pathlib import Path
from typing import Final

from schemas.interpolation import ShareChoice

SHARE_FILE: Final = "interpolation.json"


def write_choice(folder: Path, choice: ShareChoice) -> None:
    """Into an adapter's folder; the same bytes for the same choice."""
    (folder / SHARE_FILE).write_text(choice.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_choice(folder: Path) -> ShareChoice | None:
    """None where the recipe left nothing to choose."""
    path = folder / SHARE_FILE
    return ShareChoice.model_validate_json(path.read_bytes()) if path.is_file() else None
