"""Forget a conversation: what the trainer keeps of it goes, and nothing of it is learnt from again.

Topics are Kafka's matter, with retentions of their own; what an adapter has learnt goes with the next one.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import structlog

from schemas.connections import RedisSettings
from trainer.errors import RunFolderError
from trainer.feedback.archive import Archive, archive_folder
from trainer.feedback.store import remove_conversation
from trainer.lock import Lease, lock_name
from trainer.run_folder import all_runs

log = structlog.get_logger()

_LEASE_S = 60.0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many messages were removed: from the archive, and from the folders of runs, where each counts once a run."""

    archived: int
    in_runs: int


def forget(folder: Path, model: str, conversation: str, redis: RedisSettings, prefix: str) -> Forgotten:
    """Remove it under the model's lock, so that no refresh reads or writes it meanwhile.

    Args:
        folder: TRAINER_FOLDER.
        model: its name.
        conversation: see `prompts.windows.conversation_key`.
        redis: holds the lock.
        prefix: of the topics, and so of the lock and the archive.

    Raises:
        LockTakenError: a refresh is running.
        RunFolderError: a file cannot be removed; what is gone stays gone, and a second try goes on.
    """
    with Lease(redis, lock_name(prefix, model), _LEASE_S):
        try:
            # First of all, so that nothing of it is taken in again whatever happens.
            archived = Archive(archive_folder(folder, model, prefix), 0.0).forget(conversation)
            in_runs = sum(
                _from_run(run.path, conversation, done=run.outcome is not None)
                for run in all_runs(folder / model / "runs")
            )
        except OSError as error:
            raise RunFolderError(f"{folder} cannot be changed: {error}. See TRAINER_FOLDER") from error
    log.info("conversation_forgotten", model=model, archived=archived, in_runs=in_runs)
    return Forgotten(archived, in_runs)


def _from_run(path: Path, conversation: str, *, done: bool) -> int:
    removed = remove_conversation(path / "data", conversation)
    if removed and not done:
        # Its checkpoints have seen the conversation, and belong to other data now: the next run starts clean.
        shutil.rmtree(path)
    return removed
