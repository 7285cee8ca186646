"""A model's tokenizer as prompts use it: text is only ever text, never a special token."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from prompts.errors import ProfileError, WordNotATokenError
from prompts.profile import TOKENIZER_FILE

#: So many texts are counted one by one: the library's threads, woken for a few, cost more than they save.
_FEW: Final = 32


class PromptTokenizer:
    """Encodes segments of a prompt one by one, so that token counts add up exactly.

    Attributes:
        sha256: of ``tokenizer.json``, in hexadecimal; a request names it, and a worker with another one refuses it.
    """

    def __init__(self, folder: Path) -> None:
        """Read ``tokenizer.json`` of a model folder; ProfileError where there is none."""
        path = folder / TOKENIZER_FILE
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            msg = f"{path} is missing: a model folder needs the tokenizer in the format of the tokenizers library"
            raise ProfileError(msg) from None
        self.sha256 = hashlib.sha256(content).hexdigest()
        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except ValueError as error:
            msg = f"{path}: {error}"
            raise ProfileError(msg) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # Somebody who types "[SEP]" has typed five characters, not ended a turn.
        self._tokenizer.encode_special_tokens = True

    def encode(self, text: str) -> list[int]:
        """Token ids of one segment, without any that the model's own format would add."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each segment has."""
        if len(texts) <= _FEW:
            return [len(self.encode(text)) for text in texts]
        return [len(one.ids) for one in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def marker(self, text: str) -> list[int]:
        """Ids of a marker of the template: a special token by its name, else plain text."""
        token_id = self._tokenizer.token_to_id(text)
        if token_id is not None:
            return [token_id]
        return self.encode(text) if text else []

    def word(self, word: str) -> int:
        """The one token that is this word at the start of an answer.

        Raises:
            WordNotATokenError: it is several tokens.
        """
        for candidate in (word, f" {word}"):
            ids = self.encode(candidate)
            if len(ids) == 1:
                return ids[0]
        msg = f"the label word {word!r} is {len(self.encode(word))} tokens of this model: give the label a word of one"
        raise WordNotATokenError(msg)

    def cut(self, text: str, limit: int) -> str:
        """The longest beginning of a text that ends with a whole word and has at most ``limit`` tokens."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        while len(encoding.ids) > limit:
            keep = limit
            # Half a word may be more tokens than the whole one: step back to a word's start.
            while keep > 0 and encoding.word_ids[keep] == encoding.word_ids[keep - 1]:
                keep -= 1
            end = encoding.offsets[keep - 1][1] if keep else encoding.offsets[limit][0]
            text = text[: min(end, len(text) - 1)].rstrip()
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return text
