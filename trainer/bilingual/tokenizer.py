"""The tokenizer of the trimmed vocabulary, as ``tokenizer.json`` of the tokenizers library."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Unigram

from trainer.bilingual.e5_file import E5File

#: As XLM-RoBERTa has them, ids 0 to 3 in the encoder and here.
START: Final = "<s>"
PADDING: Final = "<pad>"
SEPARATOR: Final = "</s>"
UNKNOWN: Final = "<unk>"
SPECIAL: Final = (START, PADDING, SEPARATOR, UNKNOWN)
#: A word's beginning, as SentencePiece marks it.
WORD: Final = "\u2581"
#: Less likely than any way to cut their names: somebody who writes "</s>" has written three characters and more.
_NEVER: Final = -100.0
#: A label's word that is several pieces becomes one, likelier than its parts; so much in log-probability.
_AHEAD: Final = 0.5


def build(pieces: Iterable[tuple[str, float]]) -> Tokenizer:
    """A tokenizer of these pieces; the special ones come first.

    A character that no piece covers becomes ``<unk>``. XLM-RoBERTa has no pieces for single bytes, and a model that was
    never taught what they spell would read noise.
    """
    vocabulary = [*((one, _NEVER) for one in SPECIAL), *pieces]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=SPECIAL.index(UNKNOWN), byte_fallback=False))
    # XLM-RoBERTa's own table is NFKC, joiners and marks of direction being spaces.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(Regex("[\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"), " "),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=WORD, prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in SPECIAL])
    return tokenizer


def whole(file: E5File) -> Tokenizer:
    """The encoder's own tokenizer, with all its pieces."""
    return build(zip(file.pieces[len(SPECIAL) :], map(float, file.scores[len(SPECIAL) :]), strict=True))


def used_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> set[int]:
    """Ids of all pieces that the texts are cut into."""
    batch = list(texts)
    return {piece for one in tokenizer.encode_batch_fast(batch, add_special_tokens=False) for piece in one.ids}


def joined_words(tokenizer: Tokenizer, words: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The words that are several pieces, each with its pieces."""
    cut = {word: tuple(tokenizer.encode(word, add_special_tokens=False).ids) for word in words}
    return {word: ids for word, ids in cut.items() if len(ids) > 1}


def trimmed(file: E5File, kept: Sequence[int], joined: Mapping[str, tuple[int, ...]]) -> Tokenizer:
    """A tokenizer of the kept pieces and of the words that are one token here, in this order."""
    own = [(file.pieces[one], float(file.scores[one])) for one in kept]
    new = [(WORD + word, float(sum(file.scores[one] for one in ids)) + _AHEAD) for word, ids in joined.items()]
    return build([*own, *new])


_HAN: Final = re.compile(f"{WORD}?[\u4e00-\u9fff]+")


def is_han(piece: str) -> bool:
    """Whether a piece is of Chinese characters alone."""
    return _HAN.fullmatch(piece) is not None
