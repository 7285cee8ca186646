"""Which tokens the model has beside the English encoder's, and what each begins as."""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from prompts.profile import TOKENIZER_FILE
from schemas.taxonomy import built_in
from trainer.bilingual.e5_pieces import E5Pieces
from trainer.bilingual.english_encoder import EnglishEncoder
from trainer.bilingual.nearest_words import multilingual_e5, nearest_rows
from trainer.bilingual.tokenizer import EMOJI, extended, is_han, plain

#: A Chinese word must be met so often, an English one that lends its meaning so often.
_HAN_SEEN: Final = 5
_ENGLISH_SEEN: Final = 2
_ROWS_FILE: Final = "rows.npy"
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The model's tokens.

    Attributes:
        tokenizer: of them.
        rows: of the encoder's embeddings and of those that were added, shape (tokens, hidden).
    """

    tokenizer: Tokenizer
    rows: NDArray[np.float32]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What ``write`` has left in a folder."""
        return cls(Tokenizer.from_file(str(folder / TOKENIZER_FILE)), np.load(folder / _ROWS_FILE))

    def write(self, folder: Path) -> None:
        """The folder appears whole or not at all; what lay there is replaced."""
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        np.save(partial / _ROWS_FILE, self.rows)
        self.tokenizer.save(str(partial / TOKENIZER_FILE))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)


def kept_vocabulary(encoder: EnglishEncoder, texts: Iterable[str], han: int, work_folder: Path) -> Path:
    """The folder of the vocabulary for these texts, made if no run before has made it: that takes minutes.

    The arguments are those of ``extend``.
    """
    joined = "\n".join(texts)
    wanted = hashlib.sha256(f"{han}\n{encoder.tokenizer}\n{joined}".encode()).hexdigest()
    folder = work_folder / f"vocabulary-{wanted[:_DIGITS]}"
    if not folder.is_dir():
        extend(encoder, E5Pieces.open(), joined, han).write(folder)
    return folder


def label_words() -> tuple[str, ...]:
    """What labels are said by, of all taxonomies: one token each, for direct mode chooses by one."""
    return tuple(dict.fromkeys(label.word.lower() for taxonomy in built_in().values() for label in taxonomy.labels))


def extend(encoder: EnglishEncoder, pieces: E5Pieces, texts: str, han: int) -> Vocabulary:
    """All of the encoder's tokens, and the label words, emoji, Chinese characters and commonest Chinese words.

    Args:
        encoder: for English.
        pieces: of multilingual-e5-small, which say what Chinese words and emoji there are.
        texts: of the corpora, in one.
        han: most words of two or more Chinese characters.
    """
    known: dict[str, int] = json.loads(encoder.tokenizer)["model"]["vocab"]
    rows = encoder.weights["embeddings.word_embeddings.weight"].copy()
    labels = [word for word in label_words() if word not in known]
    single = _characters(pieces, texts)
    words = _han_words(pieces, texts, han)
    seen = Counter(re.findall("[a-z]+", texts.lower()))
    english = [word for word in known if len(word) > 1 and word.isalpha() and seen[word] >= _ENGLISH_SEEN]
    lent = nearest_rows([*single, *words], english, rows[[known[word] for word in english]], multilingual_e5)
    by_meaning = dict(zip([*single, *words], lent, strict=True))
    # The few Chinese characters that the encoder has, it was hardly taught.
    for one in single:
        if one in known:
            rows[known[one]] = by_meaning[one]
    added = [one for one in single if one not in known]
    own = plain(encoder.tokenizer)
    label_rows = [rows[own.encode(word, add_special_tokens=False).ids].mean(0) for word in labels]
    further = [*label_rows, *(by_meaning[one] for one in [*added, *words])]
    return Vocabulary(
        extended(encoder.tokenizer, [*labels, *added], words),
        np.concatenate([rows, np.array(further, np.float32).reshape(-1, rows.shape[1])]),
    )


def _characters(pieces: E5Pieces, texts: str) -> list[str]:
    """Chinese characters and emoji: all of the texts, those of everyday Chinese, and the emoji with a piece."""
    used = [one for one in Counter(texts) if is_han(one) or re.match(EMOJI, one)]
    others = [one for one in pieces.pieces if (is_han(one) and _simplified(one)) or re.match(EMOJI, one)]
    return list(dict.fromkeys([*used, *(one for one in others if len(one) == 1)]))


def _han_words(pieces: E5Pieces, texts: str, most: int) -> list[str]:
    words: Sequence[str] = [one for one in pieces.pieces if len(one) > 1 and is_han(one)]
    seen = {word: texts.count(word) for word in words[: 3 * most]}
    return [word for word in sorted(seen, key=lambda one: -seen[one]) if seen[word] >= _HAN_SEEN][:most]


def _simplified(character: str) -> bool:
    """In GB 2312, the 6,763 characters of everyday Chinese."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
