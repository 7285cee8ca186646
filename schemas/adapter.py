"""What an adapter's folder says of itself, and the checksums by which a folder is known."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.base import Frozen, Identifier, Message
from schemas.interpolation import ShareChoice

#: In each adapter's folder, beside PEFT's own files.
METADATA_FILE: Final = "sentistream.json"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

_CHUNK: Final = 1 << 20


class OffsetSpan(Frozen):
    """The records of one partition that an adapter's data came from: ``start`` is in it, ``end`` is not."""

    topic: str
    partition: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class AdapterMetadata(Message):
    """How an adapter was made, and how far its answers are trusted.

    Attributes:
        model: the base model's name.
        base_sha256: of the base model's weights, see `weights_sha256`.
        parent: the version that training went on from; None for the base model.
        recipe: all of its fields.
        data: what was read.
        code_revision: of the trainer: the package's version, with the commit where it is known.
        metrics: what the gate measured, by name.
        interpolation: how far training went, where that was chosen.
        temperature: by which log-probabilities are divided with this adapter.
        threshold: smallest margin at which policy ``calibrated`` takes a first answer with this adapter.
    """

    model: Identifier
    version: Identifier
    base_sha256: Sha256
    parent: Identifier | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    data: tuple[OffsetSpan, ...] = ()
    code_revision: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
    interpolation: ShareChoice | None = None
    temperature: float = Field(gt=0)
    threshold: float = Field(ge=0, le=1)
    made_at: AwareDatetime


def folder_sha256(folder: Path) -> str:
    """SHA-256 over all files of a folder, in hexadecimal."""
    return _sha256(folder, (one for one in folder.rglob("*") if one.is_file()))


def weights_sha256(folder: Path) -> str:
    """SHA-256 over the ``*.safetensors`` files of a model's folder, in hexadecimal."""
    return _sha256(folder, folder.glob("*.safetensors"))


def _sha256(folder: Path, paths: Iterable[Path]) -> str:
    """Over files in the order of their names; each with its relative path, size and bytes, so that none can move."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
