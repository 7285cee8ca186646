"""The folder of a refresh: what each stage came to, so that a run that was killed is gone on with.

``MODEL/VERSION/`` holds ``run.json`` (what the run is made from), ``checkpoints/``, then ``data.json``, ``adapter/``,
``gate/`` and at last ``outcome.json``, each put there by one rename once it is whole.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from pydantic import AwareDatetime, Field, ValidationError

from schemas.adapter import OffsetSpan
from schemas.base import Frozen
from trainer.errors import RunFolderError
from trainer.files import sync, sync_tree
from trainer.outcome import Outcome

_RUN: Final = "run.json"
_OUTCOME: Final = "outcome.json"
_PARTIAL: Final = ".partial"


class Run(Frozen):
    """What a run is made from; a later one goes on with it only if all but the spans and the times are still so.

    Attributes:
        parent: the live version when the run began; None for the base model.
        recipe_sha256: of the recipe and all settings that change what comes out.
        spans: the records that it reads, fixed at its start.
    """

    model: str
    version: str
    base_sha256: str
    parent: str | None
    recipe_sha256: str
    spans: tuple[OffsetSpan, ...] = Field(min_length=1)
    started_at: AwareDatetime

    def same_work(self, other: "Run") -> str | None:
        """None if the other one's stages can be used; else, in words, what has changed."""
        for name, words in (
            ("model", "the model"),
            ("base_sha256", "the base model's weights"),
            ("parent", "the live adapter"),
            ("recipe_sha256", "the recipe or the settings"),
        ):
            if getattr(self, name) != getattr(other, name):
                return f"{words} changed from {getattr(other, name)} to {getattr(self, name)}"
        return None


class RunFolder:
    """One run's.

    Attributes:
        run: what it is made from.
        path: the folder.
    """

    def __init__(self, path: Path, run: Run) -> None:
        self.path = path
        self.run = run

    @classmethod
    def make(cls, runs: Path, run: Run) -> Self:
        """Begin one; people's messages will be in it, so that only this user may read it.

        Raises:
            RunFolderError: the folder cannot be made.
        """
        try:
            (runs / run.version).mkdir(parents=True, mode=0o700)
            folder = cls(runs / run.version, run)
            folder._keep_text(_RUN, run.model_dump_json(indent=2))
        except OSError as error:
            raise RunFolderError(f"{runs} cannot be written: {error}. See TRAINER_FOLDER") from error
        return folder

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """An earlier one; None where a kill left no whole ``run.json``."""
        try:
            return cls(path, Run.model_validate_json((path / _RUN).read_bytes()))
        except (OSError, ValidationError):
            return None

    @property
    def checkpoints(self) -> Path:
        """Where training keeps them."""
        path = self.path / "checkpoints"
        path.mkdir(exist_ok=True)
        return path

    @property
    def outcome(self) -> Outcome | None:
        """What it came to; None while it is not finished."""
        try:
            return Outcome.model_validate_json((self.path / _OUTCOME).read_bytes())
        except (OSError, ValidationError):
            return None

    def finish(self, outcome: Outcome) -> None:
        """Keep what it came to; checkpoints and data are of no more use."""
        self._keep_text(_OUTCOME, outcome.model_dump_json(indent=2))
        shutil.rmtree(self.path / "checkpoints", ignore_errors=True)

    def stage(self, name: str) -> Path | None:
        """A finished stage's folder."""
        path = self.path / name
        return path if path.is_dir() else None

    @contextmanager
    def filling(self, name: str) -> Iterator[Path]:
        """An empty folder that becomes the stage's when the block is left without an error."""
        partial = self.path / f"{name}{_PARTIAL}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        # A power cut must not leave a renamed folder with empty files.
        sync_tree(partial)
        partial.replace(self.path / name)
        sync(self.path)

    def _keep_text(self, name: str, text: str) -> None:
        partial = self.path / f"{name}{_PARTIAL}"
        partial.write_text(text, encoding="utf-8")
        sync(partial)
        partial.replace(self.path / name)
        sync(self.path)


def all_runs(runs: Path) -> list[RunFolder]:
    """A model's runs, the latest first. Versions tell it to the second alone."""
    if not runs.is_dir():
        return []
    found = [one for path in runs.iterdir() if path.is_dir() and (one := RunFolder.read(path)) is not None]
    return sorted(found, key=lambda one: (one.run.started_at, one.run.version), reverse=True)


def drop_old(runs: Path, keep: int, current: str) -> None:
    """Remove all but the last ``keep`` runs, those that were given up among them."""
    # Versions of one second differ by chance; their folders' times tell which came later.
    newest_first = sorted(runs.iterdir(), key=lambda path: (path.name.partition("-")[0], path.stat().st_mtime_ns))[::-1]
    for path in newest_first[keep:]:
        if path.name != current and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
