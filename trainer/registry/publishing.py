"""Putting a finished folder into a store so that others see all of it or nothing.

A local path, and a network share that is mounted, can rename: the folder is written beside its place, brought to the
disk, and renamed into it. An object store cannot, but it shows a single object whole or not
at all. There the checksum file is written last, after the sizes of all others were compared, and a version without it
does not exist for any reader. What an interrupted attempt leaves is
invisible both ways, and the next attempt removes it. Two attempts at the same version at once are kept apart by the
trainer's lock on the model, not here.
"""

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from trainer.files import sync
from trainer.registry.checksums import SUMS_FILE


def publish_by_rename(staged: Path, target: Path) -> None:
    """Move a staged folder to its place on a local disk; OSError leaves nothing visible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(staged, partial)
        for path in sorted(partial.rglob("*"), reverse=True):
            # A service under another user reads it.
            path.chmod(0o755 if path.is_dir() else 0o644)
            sync(path)
        partial.chmod(0o755)
        sync(partial)
        # Never onto a version that is there: rename refuses a folder that holds anything.
        partial.rename(target)
        sync(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def publish_by_mark(staged: Path, system: Any, target: str) -> None:
    """Upload a staged folder to an object store, its checksum file last; OSError leaves nothing visible."""
    system.invalidate_cache()
    if system.exists(target):
        system.rm(target, recursive=True)
    system.makedirs(target, exist_ok=True)
    paths = sorted(path for path in staged.rglob("*") if path.is_file())
    names = {path: str(PurePosixPath(target) / path.relative_to(staged).as_posix()) for path in paths}
    mark = staged / SUMS_FILE
    for path, name in names.items():
        if path != mark:
            system.makedirs(str(PurePosixPath(name).parent), exist_ok=True)
            system.put_file(str(path), name)
    system.invalidate_cache()
    for path, name in names.items():
        if path != mark and (found := system.size(name)) != path.stat().st_size:
            raise OSError(f"{name} has {found} bytes in the store, not the {path.stat().st_size} that were sent")
    system.put_file(str(mark), names[mark])
    system.invalidate_cache()
