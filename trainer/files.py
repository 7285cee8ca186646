"""Bringing files to the disk: a rename outlives a kill, but a power cut may leave the new name of an empty file."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return once the disk has a file's bytes, or a folder's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """All files below a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            sync(path)
