"""Readers of published corpora, in their publishers' own formats."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.corpora.chsims import read_chsims
from trainer.corpora.conversation import Conversation, LabelledTurn, Reader
from trainer.corpora.cped import read_cped
from trainer.corpora.dailydialog import read_dailydialog
from trainer.corpora.emocontext import read_emocontext
from trainer.corpora.emorynlp import read_emorynlp
from trainer.corpora.goemotions import read_goemotions
from trainer.corpora.iemocap import read_iemocap
from trainer.corpora.jsonl import read_jsonl
from trainer.corpora.meld import read_meld
from trainer.corpora.smp2020 import read_smp2020
from trainer.corpora.twitter import read_twitter
from trainer.errors import UnknownFormatError

__all__ = ["READERS", "Conversation", "LabelledTurn", "Reader", "format_name", "read"]

READERS: Final[dict[str, Reader]] = {
    "chsims": read_chsims,
    "cped": read_cped,
    "dailydialog": read_dailydialog,
    "emocontext": read_emocontext,
    "emorynlp": read_emorynlp,
    "goemotions": read_goemotions,
    "iemocap": read_iemocap,
    "jsonl": read_jsonl,
    "meld": read_meld,
    "smp2020": read_smp2020,
    "twitter2015": read_twitter,
    "twitter2017": read_twitter,
}


def format_name(written: str) -> str:
    """A format's name however it is written: ``CH-SIMS``, ``Twitter-2015`` and ``json_lines`` are known.

    Raises:
        UnknownFormatError: no reader has this name.
    """
    name = re.sub(r"[^a-z0-9]", "", written.lower())
    name = {"jsonlines": "jsonl", "smp": "smp2020", "sims": "chsims"}.get(name, name)
    if name not in READERS:
        msg = f"no corpus format {written!r}: choose one of {', '.join(sorted(READERS))}"
        raise UnknownFormatError(msg)
    return name


def read(corpus_format: str, path: Path) -> Iterator[Conversation]:
    """Conversations of a file, as they are read.

    Raises:
        UnknownFormatError: no reader has this name.
        CorpusError: while iterating, a line does not parse; the text names the file and the line.
    """
    return READERS[format_name(corpus_format)](path)
