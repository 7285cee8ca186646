"""Which of the encoder's 250,002 pieces the model keeps, and what each of its tokens begins as."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from schemas.taxonomy import built_in
from trainer.bilingual import tokenizer as tokenizers
from trainer.bilingual.e5_file import E5File
from trainer.bilingual.tokenizer import SPECIAL, WORD, is_han


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The model's tokens.

    Attributes:
        tokenizer: of them.
        sources: of each token, the encoder's pieces that it is made of; most are one.
    """

    tokenizer: Tokenizer
    sources: tuple[tuple[int, ...], ...]

    def gather(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """From a row for each of the encoder's pieces to one for each token, several as their mean."""
        return np.stack([rows[list(one)].mean(0) for one in self.sources])


def label_words() -> tuple[str, ...]:
    """What labels are said by, of all taxonomies: one token each, for direct mode chooses by one."""
    return tuple(dict.fromkeys(label.word for taxonomy in built_in().values() for label in taxonomy.labels))


def trim(file: E5File, texts: Iterable[str], han: int, words: Sequence[str] = ()) -> Vocabulary:
    """Keep what the texts use, single characters that chat uses, and the commonest Chinese and English pieces.

    Args:
        file: of the encoder.
        texts: of the corpora.
        han: how many pieces of two or more Chinese characters are kept, the commonest first.
        words: common English words, whose pieces are kept.
    """
    everything = tokenizers.whole(file)
    kept = tokenizers.used_pieces(everything, [*texts, *words, *label_words()])
    joined = tokenizers.joined_words(everything, label_words())
    by_score = np.argsort(-file.scores, kind="stable")
    several = [int(one) for one in by_score if is_han(file.pieces[one]) and len(file.pieces[one].strip(WORD)) > 1]
    kept |= set(several[:han])
    kept |= {index for index, piece in enumerate(file.pieces) if _chat_character(piece.removeprefix(WORD))}
    ordered = sorted(kept - set(range(len(SPECIAL))))
    sources = [*((one,) for one in range(len(SPECIAL))), *((one,) for one in ordered), *joined.values()]
    return Vocabulary(tokenizers.trimmed(file, ordered, joined), tuple(sources))


def _chat_character(piece: str) -> bool:
    """One character that English or Chinese chat may hold: also emoji, and whatever is punctuation."""
    if len(piece) != 1:
        return False
    if piece.isascii() or (is_han(piece) and _simplified(piece)):
        return True
    return unicodedata.category(piece)[0] in "PSN" or "\u00c0" <= piece <= "\u024f" or piece == "\ufe0f"


def _simplified(character: str) -> bool:
    """In GB 2312, the 6,763 characters of everyday Chinese."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
