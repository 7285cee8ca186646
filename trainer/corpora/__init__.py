"""Readers of published corpora, in their publishers' own formats."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.corpora.conversation import Conversation, LabelledTurn, Reader
from trainer.corpora.cped import read_cped
from trainer.corpora.dailydialog import read_dailydialog
from trainer.corpora.emocontext import read_emocontext
from trainer.corpora.emorynlp import read_emorynlp
from trainer.corpora.goemotions import read_goemotions
from trainer.corpora.jsonl import read_jsonl
from trainer.corpora.meld import read_meld
from trainer.errors import UnknownFormatError

__all__ = ["READERS", "Conversation", "LabelledTurn", "Reader", "read"]

READERS: Final[dict[str, Reader]] = {
    "cped": read_cped,
    "dailydialog": read_dailydialog,
    "emocontext": read_emocontext,
    "emorynlp": read_emorynlp,
    "goemotions": read_goemotions,
    "jsonl": read_jsonl,
    "meld": read_meld,
}


def read(corpus_format: str, path: Path) -> Iterator[Conversation]:
    """Conversations of a file, as they are read.

    Raises:
        UnknownFormatError: no reader has this name.
        CorpusError: while iterating, a line does not parse; the text names the file and the line.
    """
    if corpus_format not in READERS:
        msg = f"no corpus format {corpus_format!r}: choose one of {', '.join(sorted(READERS))}"
        raise UnknownFormatError(msg)
    return READERS[corpus_format](path)
