"""The checksum file of an adapter's folder, as `sha256sum -c SHA256SUMS` reads it."""

import hashlib
from pathlib import Path
from typing import Final

from trainer.registry.errors import DamagedAdapterError

SUMS_FILE: Final = "SHA256SUMS"

Sums = dict[str, str]


def sums_of(folder: Path) -> Sums:
    """SHA-256 in hexadecimal by relative path, of every file but the checksum file itself."""
    found: Sums = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        if (name := path.relative_to(folder).as_posix()) != SUMS_FILE:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def to_text(sums: Sums) -> str:
    """One line a file: the checksum, two spaces, the path."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def check_folder(folder: Path, where: str) -> None:
    """Compare every file of a folder with its checksum file.

    Args:
        folder: on this machine.
        where: the address it came from, for the error's text.

    Raises:
        DamagedAdapterError: a file is missing, there is one too many, or its bytes are others.
    """
    path = folder / SUMS_FILE
    if not path.is_file():
        raise DamagedAdapterError(f"{where} has no {SUMS_FILE}: it was not published by the registry")
    lines = (line.partition("  ") for line in path.read_text(encoding="utf-8").splitlines())
    said = {name: digest for digest, _, name in lines}
    found = sums_of(folder)
    for name in sorted(said.keys() | found.keys()):
        if said.get(name) != found.get(name):
            what = "is missing" if name not in found else "is not in it" if name not in said else "has other bytes"
            raise DamagedAdapterError(f"{where}: {name} {what} ({SUMS_FILE}): do not release it, publish it anew")
