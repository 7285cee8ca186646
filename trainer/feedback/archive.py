"""Labelled messages that were once collected, kept after the topics have forgotten them: ``chat.messages`` has a week.

One JSON Lines file for each conversation, appended to and never changed but to forget; the last row of a message
counts. A row holds the prompt's parts, as they were asked, and what most people said. These are people's messages:
only the trainer's user may read them, rows are left out and removed when their label is older than the retention, and
a conversation can be forgotten, after which nothing of it is taken in again.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from prompts.parts import prompt_hash
from schemas.base import Frozen
from schemas.chat import Source
from trainer.errors import RunFolderError
from trainer.feedback.labelled import LabelledMessage

log = structlog.get_logger()

_ROWS: Final = ".jsonl"
_FORGOTTEN: Final = ".forgotten"


def archive_folder(folder: Path, model: str, prefix: str) -> Path:
    """A model's, in the trainer's folder; deployments with topics of their own have archives of their own."""
    return folder / model / (f"labelled-{prefix}" if prefix else "labelled")


class _Row(Frozen):
    """Attributes: whose it is; the event's hash of the prompt; None where people took their labels back."""

    source: Source
    prompt_hash: str | None = None
    message: LabelledMessage | None = None


class Archive:
    """One model's.

    Args:
        folder: made where it is missing.
        days: how long rows are kept after their latest label.
    """

    def __init__(self, folder: Path, days: float) -> None:
        self._folder = folder
        self._days = days

    def read(self, now: datetime | None = None) -> dict[Source, LabelledMessage]:
        """All that may still be learnt from; rows whose prompt is not the one of their hash are left out."""
        since = self._since(now)
        return {
            source: row.message.model_copy(update={"new": False})
            for path in self._files()
            for source, row in _last_rows(path).items()
            if row.message is not None and row.message.labelled_at >= since
        }

    def add(self, labelled: Iterable[LabelledMessage], withdrawn: Iterable[Source] = ()) -> int:
        """Append what is not there yet; returns how many rows.

        Args:
            labelled: messages with the prompt that was asked; those of forgotten conversations are passed over.
            withdrawn: messages whose labels no longer stand.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        gone = set(withdrawn)
        rows: dict[Path, list[_Row]] = {}
        try:
            for path in self._files() if gone else ():
                if found := [one for one, row in _last_rows(path).items() if one in gone and row.message]:
                    rows[path] = [_Row(source=one) for one in found]
            for one in labelled:
                if not self.is_forgotten(one.conversation):
                    kept = one.model_copy(update={"new": False, "event": None})
                    row = _Row(source=one.source, prompt_hash=prompt_hash(one.parts), message=kept)
                    rows.setdefault(self._path(one.conversation, _ROWS), []).append(row)
            return sum(_append(path, found) for path, found in rows.items())
        except OSError as error:
            raise RunFolderError(f"{self._folder} cannot be written: {error}. See TRAINER_FOLDER") from error

    def drop_old(self, now: datetime | None = None) -> None:
        """Remove the conversations all of whose labels are older than the retention."""
        since = self._since(now)
        for path in self._files():
            rows = _last_rows(path).values()
            if not any(row.message is not None and row.message.labelled_at >= since for row in rows):
                path.unlink(missing_ok=True)

    def forget(self, conversation: str) -> int:
        """Remove a conversation's rows for good, and take in nothing of it again; returns how many messages there were.

        Args:
            conversation: see `prompts.windows.conversation_key`. Its hash alone is kept, as a file's name.
        """
        path = self._path(conversation, _ROWS)
        found = sum(row.message is not None for row in _last_rows(path).values()) if path.exists() else 0
        mark = self._path(conversation, _FORGOTTEN)
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.touch(mode=0o600)
        path.unlink(missing_ok=True)
        return found

    def is_forgotten(self, conversation: str) -> bool:
        """Whether `forget` was asked for it."""
        return self._path(conversation, _FORGOTTEN).exists()

    def _since(self, now: datetime | None) -> datetime:
        return (now or datetime.now(UTC)) - timedelta(days=self._days)

    def _files(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob(f"??/*{_ROWS}"))

    def _path(self, conversation: str, kind: str) -> Path:
        # Ids are the platform's and may hold anything; and a folder of a million files is slow.
        name = hashlib.sha256(conversation.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}{kind}"


def _append(path: Path, rows: Iterable[_Row]) -> int:
    known = _last_rows(path) if path.exists() else {}
    fresh = [row for row in rows if known.get(row.source) != row]
    if fresh:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in fresh).encode()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
            # What a kill cut off is a line of its own.
            file.write(b"\n" + text if file.tell() and not path.read_bytes().endswith(b"\n") else text)
            file.flush()
            os.fsync(file.fileno())
    return len(fresh)


def _last_rows(path: Path) -> dict[Source, _Row]:
    found: dict[Source, _Row] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line:
            continue
        try:
            row = _Row.model_validate_json(line)
        except ValidationError:
            log.warning("archived_row_unreadable", file=path.name, line=number)
            continue
        if row.message is not None and prompt_hash(row.message.parts) != row.prompt_hash:
            log.warning("archived_prompt_differs", file=path.name, line=number)
            continue
        found[row.source] = row
    return found
