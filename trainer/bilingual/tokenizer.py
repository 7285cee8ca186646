"""The encoder's WordPiece tokenizer with more tokens: label words, emoji, Chinese characters and words."""

import json
import re
from collections.abc import Sequence
from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, pre_tokenizers

#: As BERT has them, with its ids.
START: Final = "[CLS]"
PADDING: Final = "[PAD]"
SEPARATOR: Final = "[SEP]"
#: An emoji or another pictograph of one code point.
EMOJI: Final = "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55]"
_HAN: Final = re.compile("[\u4e00-\u9fff]+")


def is_han(text: str) -> bool:
    """Whether a text is of Chinese characters alone."""
    return _HAN.fullmatch(text) is not None


def plain(tokenizer: str) -> Tokenizer:
    """The encoder's own, without the cutting and padding that it was saved with."""
    found = Tokenizer.from_str(tokenizer)
    found.no_truncation()
    found.no_padding()
    return found


def extended(tokenizer: str, pieces: Sequence[str], words: Sequence[str]) -> Tokenizer:
    """With further tokens, whose ids follow the encoder's own in this order.

    Args:
        tokenizer: content of the encoder's ``tokenizer.json``.
        pieces: words in lower case and single characters, none of which it has.
        words: Chinese words, which are found where they stand, the longest first: WordPiece takes Chinese text apart.
    """
    content = json.loads(tokenizer)
    vocabulary = content["model"]["vocab"]
    for piece in pieces:
        vocabulary[piece] = len(vocabulary)
    result = plain(json.dumps(content))
    result.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(EMOJI), "isolated"), pre_tokenizers.BertPreTokenizer()]
    )
    result.add_tokens([AddedToken(word, normalized=False, special=False) for word in words])
    return result
