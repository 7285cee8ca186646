"""Reading tables line by line so that an error can name the line."""

import csv
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TextIO

from schemas.errors import SchemaError
from schemas.taxonomy import load_taxonomy
from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.text import repair
from trainer.errors import CorpusError


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and lines without their end; blank lines are passed over."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise CorpusError(path, number, f"not UTF-8: {error.reason} at byte {error.start}") from error
            if text.strip():
                yield number, text


def csv_header(path: Path) -> list[str]:
    """Names of the columns, none for an empty file.

    Raises:
        CorpusError: not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except UnicodeDecodeError as error:
        raise CorpusError(path, 1, f"not UTF-8: {error.reason}") from error


def csv_rows(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """The number of each record's last line, and the record's named columns, text repaired; optional ones may be "".

    Raises:
        CorpusError: not UTF-8, a column is missing, or a record has another number of fields than the header.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from _records(path, file, columns, optional)


def _records(
    path: Path, file: TextIO, columns: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(file, strict=True)
    header: list[str] = []
    try:
        for record in reader:
            if not header:
                header = [name.strip() for name in record]
                if missing := [name for name in columns if name not in header]:
                    raise CorpusError(path, reader.line_num, f"no column {missing[0]!r}; found {', '.join(header)}")
            elif len(record) == len(header):
                row = dict(zip(header, record, strict=True))
                yield reader.line_num, {name: repair(row.get(name, "")) for name in (*columns, *optional)}
            elif record:
                raise CorpusError(path, reader.line_num, f"{len(record)} fields, the header has {len(header)}")
    except UnicodeDecodeError as error:
        raise CorpusError(path, reader.line_num + 1, f"not UTF-8: {error.reason}") from error
    except csv.Error as error:
        raise CorpusError(path, reader.line_num, f"not CSV: {error}") from error


def label_in(taxonomy: str, label: str, path: Path, number: int) -> str:
    """The label if the taxonomy has it.

    Raises:
        CorpusError: it has not, or there is no such taxonomy.
    """
    try:
        names = {known.name for known in load_taxonomy(taxonomy).labels}
    except SchemaError as error:
        raise CorpusError(path, number, str(error)) from error
    if label not in names:
        raise CorpusError(path, number, f"no label {label!r} in taxonomy {taxonomy}: {', '.join(sorted(names))}")
    return label


def grouped(rows: Iterator[tuple[str, LabelledTurn]], language: str, taxonomy: str) -> Iterator[Conversation]:
    """Conversations from turns that stand together under the same key."""
    for key, group in groupby(rows, key=lambda row: row[0]):
        yield Conversation(key, language, taxonomy, tuple(turn for _, turn in group))
