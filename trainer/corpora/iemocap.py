"""IEMOCAP (Busso et al., 2008): a CSV file of its utterances, or the pickle that InstructERC and others use."""

import pickle
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import csv_header, csv_rows
from trainer.corpora.text import repair
from trainer.errors import CorpusError

#: As the pickle numbers them.
LABELS: Final = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
#: As IEMOCAP's own files shorten them, and as others write them.
_NAMES: Final = {
    **{name: name for name in LABELS},
    "hap": "happy",
    "neu": "neutral",
    "ang": "angry",
    "exc": "excited",
    "fru": "frustrated",
    "happiness": "happy",
    "sadness": "sad",
    "anger": "angry",
    "excitement": "excited",
    "frustration": "frustrated",
}
#: What is labelled, but is none of the six; such turns are shown as history only.
_OTHERS: Final = {"", "xxx", "oth", "other", "fea", "fear", "sur", "surprise", "dis", "disgust", "surprised", "fearful"}
#: Session, dialogue and speaker, as in ``Ses01F_impro01_M003``.
_UTTERANCE: Final = re.compile(r"(?P<dialogue>Ses\d\d[FM]_\w+?)_(?P<speaker>[FM])\w*$")
_COLUMNS: Final = {
    "text": ("utterance", "text", "transcript", "transcription", "sentence"),
    "label": ("emotion", "label"),
    "dialogue": ("dialogue_id", "dialog_id", "conversation_id", "dialogue", "dialog", "conversation"),
    "speaker": ("speaker", "gender"),
    "id": ("utterance_id", "turn_name", "wav_file", "file_name", "filename", "file", "name", "id"),
    "split": ("split", "mode", "fold"),
}
#: Its five first lists: speakers, labels, texts; then the ids of the splits.
_SPLITS: Final = ("train", "test", "valid")
_HEAD: Final = 3


def read_iemocap(path: Path) -> Iterator[Conversation]:
    """Conversations by dialogue; a file that ends with ``.pkl`` or ``.pickle`` is read as a pickle."""
    if path.suffix.lower() in {".pkl", ".pickle"}:
        yield from _read_pickle(path)
        return
    for (dialogue, split), group in groupby(_turns(path), key=lambda row: row[0]):
        yield Conversation(dialogue, "en", "iemocap", tuple(turn for _, turn in group), split=split or None)


def _turns(path: Path) -> Iterator[tuple[tuple[str, str], LabelledTurn]]:
    header = csv_header(path)
    lower = {name.lower(): name for name in reversed(header)}
    found = {what: next((lower[one] for one in names if one in lower), "") for what, names in _COLUMNS.items()}
    for what in ("text", "label"):
        if not found[what]:
            known = ", ".join(_COLUMNS[what])
            raise CorpusError(path, 1, f"no column for the {what} ({known}); found {', '.join(header)}")
    if not found["dialogue"] and not found["id"]:
        raise CorpusError(path, 1, f"no column for the dialogue or the utterance's id; found {', '.join(header)}")
    for number, row in csv_rows(path, [name for name in found.values() if name]):
        name = _UTTERANCE.search(row[found["id"]]) if found["id"] else None
        if not found["dialogue"] and name is None:
            raise CorpusError(path, number, f"no utterance's id such as Ses01F_impro01_M003: {row[found['id']]!r}")
        dialogue = row[found["dialogue"]] if found["dialogue"] else name["dialogue"] if name else ""
        speaker = row[found["speaker"]] if found["speaker"] else name["speaker"] if name else "?"
        label = _label(row[found["label"]], path, number)
        split = row[found["split"]].lower() if found["split"] else ""
        yield (dialogue, split), LabelledTurn(speaker or "?", row[found["text"]], label)


def _label(written: str, path: Path, number: int) -> str | None:
    name = written.strip().lower()
    if name in _NAMES:
        return _NAMES[name]
    if name in _OTHERS:
        return None
    raise CorpusError(path, number, f"no emotion of IEMOCAP: {written!r}; the six are {', '.join(LABELS)}")


class _PlainData(pickle.Unpickler):
    """A pickle can run code; this one may hold lists, dictionaries, texts and numbers, and nothing that does."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in {("collections", "OrderedDict"), ("builtins", "set"), ("builtins", "frozenset")}:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it holds {module}.{name}, which is no plain data")


def _read_pickle(path: Path) -> Iterator[Conversation]:
    try:
        with path.open("rb") as file:
            content = _PlainData(file, encoding="latin-1").load()  # written by Python 2 as often as not
        speakers, labels, texts = content[:_HEAD]
        splits = [[str(one) for one in ids] for ids in content[_HEAD : _HEAD + len(_SPLITS)]]
        rows = {str(name): list(zip(speakers[name], labels[name], texts[name], strict=True)) for name in texts}
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        detail = f"no pickle of speakers, labels, texts and three lists of ids: {error}"
        raise CorpusError(path, 1, detail) from error
    named = {name: split for split, ids in zip(_SPLITS, splits, strict=False) for name in ids}
    for number, (name, turns) in enumerate(rows.items(), start=1):
        found = tuple(_pickled(path, number, *turn) for turn in turns)
        yield Conversation(name, "en", "iemocap", found, split=named.get(name))


def _pickled(path: Path, number: int, speaker: object, label: object, text: object) -> LabelledTurn:
    if not isinstance(label, int) or not isinstance(text, str) or label >= len(LABELS):
        raise CorpusError(path, number, f"a text and a label below {len(LABELS)} are expected, not {label!r}")
    return LabelledTurn(str(speaker), repair(text), LABELS[label] if label >= 0 else None)
