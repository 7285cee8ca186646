"""What `sentistream trainer run` ends with, as docs/trainer.md has it; in this process, by stand-ins."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from sentistream.cli import main
from tests.trainer.refresh_rig import HeldLease, WorldSteps, make_world
from trainer import checkpoint
from trainer.exit_codes import ExitCode
from trainer.feedback.errors import FeedbackError
from trainer.lora.errors import NothingToTrainOnError
from trainer.outcome import Outcome
from trainer.refresh_steps import RefreshSteps


@contextmanager
def free(*_: object) -> Iterator[HeldLease]:
    """A lock that needs no Redis."""
    yield HeldLease()


class Steps(WorldSteps):
    """Fails at a step, by an error."""

    model = "tiny"

    def __init__(self, world: Path, at: str = "", error: BaseException | None = None, *, good: bool = True) -> None:
        super().__init__(world, good=good)
        self.at, self.error = at, error

    def collect(self, *args: object) -> object:  # type: ignore[override]
        self._fail("collect")
        return super().collect(*args)  # type: ignore[arg-type]

    def train(self, *args: object) -> None:
        self._fail("train")
        super().train(*args)  # type: ignore[arg-type]

    def judge(self, *args: object) -> object:  # type: ignore[override]
        self._fail("judge")
        return super().judge(*args)  # type: ignore[arg-type]

    def _fail(self, step: str) -> None:
        if step == self.at and self.error is not None:
            raise self.error


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("trainer.refresh_run.Lease", free)
    monkeypatch.setattr("trainer.refresh_run.login_refusal", lambda *_: None)
    monkeypatch.setenv("TRAINER_FOLDER", str(tmp_path / "trainer"))
    monkeypatch.setenv("TRAINER_REGISTRY", str(tmp_path / "registry"))
    return make_world(tmp_path / "world", labels=100)


def run(monkeypatch: pytest.MonkeyPatch, steps: Steps) -> Result:
    monkeypatch.setattr("trainer.refresh_run.RefreshSteps", lambda *_: steps)
    return CliRunner().invoke(main, ["trainer", "run", "--json"])


def test_a_refusal_is_no_failure(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, Steps(world, good=False))
    assert done.exit_code == ExitCode.DONE
    assert Outcome.model_validate_json(done.stdout.splitlines()[-1]).status == "refused"


@pytest.mark.parametrize(
    ("at", "error", "code", "told"),
    [
        ("collect", FeedbackError("no topic's id"), ExitCode.DATA, "no topic's id"),
        ("train", NothingToTrainOnError("none of 3"), ExitCode.DATA, "none of 3"),
        ("train", torch.OutOfMemoryError("CUDA out of memory. Tried"), ExitCode.TRAINING, "micro_batch"),
        ("train", RuntimeError("DefaultCPUAllocator: can't allocate memory"), ExitCode.TRAINING, "micro_batch"),
        ("train", MemoryError(), ExitCode.TRAINING, "micro_batch"),
        ("judge", torch.OutOfMemoryError("CUDA out of memory. Tried"), ExitCode.TRAINING, "next run goes on"),
        ("train", RuntimeError("shapes differ"), ExitCode.TRAINING, "shapes differ"),
        ("collect", OSError(errno.ENOSPC, "No space left on device"), ExitCode.REGISTRY, "TRAINER_FOLDER"),
        ("train", OSError(errno.ENOSPC, "No space left on device"), ExitCode.REGISTRY, "No space left"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_a_failure_has_its_status_and_one_line(
    world: Path, monkeypatch: pytest.MonkeyPatch, at: str, error: BaseException, code: ExitCode, told: str
) -> None:
    failed = run(monkeypatch, Steps(world, at, error))
    assert failed.exit_code == code, failed.output
    line = failed.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert told in line
    # What was finished is gone on with.
    again = run(monkeypatch, Steps(world))
    assert again.exit_code == ExitCode.DONE, again.output
    assert Outcome.model_validate_json(again.stdout.splitlines()[-1]).resumed


def test_without_kafka_it_is_worth_another_try(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that is asked of Kafka is which adapter is live."""
    del world
    monkeypatch.setattr("trainer.registry.topic._WAIT_S", 0.5)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("trainer.refresh_run.RefreshSteps", RefreshSteps)
    failed = CliRunner().invoke(main, ["trainer", "run"])
    assert failed.exit_code == ExitCode.UNAVAILABLE, failed.output
    assert "127.0.0.1:1" in failed.stderr.splitlines()[-1]
    assert not (tmp_path / "trainer" / "runs").exists()


def test_a_checkpoint_on_a_full_disk_says_so(tmp_path: Path) -> None:
    (tmp_path / f"{checkpoint.FILE}.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path, checkpoint.Checkpoint("run", 0, 1, {"weights": torch.zeros(200_000)}))
