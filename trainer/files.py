"""Bringing files to the disk: a rename outlives a kill, but a power cut may leave the new name of an empty file."""

import os
from pathlib import Path


def sync_file(path: Path) -> None:
    """Return once the disk has a file's bytes."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_entry(folder: Path) -> None:
    """Return once the disk has a folder's names."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def sync_tree(folder: Path) -> None:
    """All files below a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            sync_file(path)
