"""Several processes train what one does, started as `sentistream trainer run` starts them: by `accelerate launch`."""

import os
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from tests.trainer.lora_rig import examples_of, recipe, write_base
from trainer.checkpoint import FILE
from trainer.errors import StoppedError
from trainer.lora.launch import JOB_FILE, Job, TrainingProcessError, train_on
from trainer.lora.launched import do
from trainer.lora.loading import WEIGHTS_FILE
from trainer.lora.share_file import read_choice

pytestmark = pytest.mark.timeout(300)

#: Nothing is drawn but the order. Both shares are measured, by one process while the other waits.
CHANGES = {
    "tasks": "generator",
    "lora_dropout": 0.0,
    "max_steps": 12,
    "micro_batch": 4,
    "checkpoint_steps": 4,
    "interpolation": [0.5, 1.0],
}
#: Nothing is so well calibrated: the smallest share is taken, whatever the processes' rounding.
LIMIT = -1.0
MakeJob = Callable[[str], Job]


@pytest.fixture
def make_job(
    tmp_path: Path,
    tiny_model: Callable[[], OPTForCausalLM],
    profile: ModelProfile,
    tokenizer_json: str,
    meld_file: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> MakeJob:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    base = write_base(tmp_path / "base", tiny_model(), profile, tokenizer_json)
    # 129 examples in batches of 16: one step has a single one, which both processes take.
    train, development = examples_of(base, meld_file(43)), examples_of(base, meld_file(12))

    def make(name: str) -> Job:
        work, out = tmp_path / name / "work", tmp_path / name / "out"
        watched = os.getpid()
        board = tmp_path / "board"
        made = recipe(**CHANGES)
        guards = {"meld": development}
        return Job(base, made, train, development, work, out, None, name, "tensorboard", board, watched, guards, LIMIT)

    return make


def losses(job: Job) -> list[float]:
    """As the run's one event file has them."""
    pytest.importorskip("tensorboard")
    events_of = import_module("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    events = events_of(str(job.board / job.name)).Reload()
    assert [one.step for one in events.Scalars("loss")] == list(range(1, 13)), "one process tells"
    return [one.value for one in events.Scalars("loss")]


def assert_alike(one: Job, other: Job) -> None:
    assert losses(other) == pytest.approx(losses(one), rel=1e-3)
    ours, theirs = load_file(one.out / WEIGHTS_FILE), load_file(other.out / WEIGHTS_FILE)
    assert ours.keys() == theirs.keys()
    here, there = read_choice(one.out), read_choice(other.out)
    assert here is not None
    assert there is not None
    assert (here.share, len(there.tried), there.guard_messages) == (there.share, 2, {"meld": 36})
    for name, value in ours.items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-2, atol=1e-4)


def test_two_processes_train_what_one_does(make_job: MakeJob, capfd: pytest.CaptureFixture[str]) -> None:
    one, two = make_job("one"), make_job("two")
    do(one, lambda: None)
    capfd.readouterr()
    train_on(2, two, lambda: None)
    assert_alike(one, two)
    assert not (two.work / JOB_FILE).exists(), "people's messages are in it"
    said = capfd.readouterr()
    assert "adapter_trained" in said.err
    assert "event" not in said.out, "standard output is for the run's result"


@pytest.mark.soak
def test_stopped_and_gone_on_with_two_processes_come_to_the_same(make_job: MakeJob) -> None:
    one, two = make_job("one"), make_job("two")
    do(one, lambda: None)

    def stop() -> None:
        if (two.work / FILE).exists():
            raise StoppedError

    with pytest.raises(StoppedError):
        train_on(2, two, stop)
    assert not two.out.exists()
    train_on(2, two, lambda: None)
    assert_alike(one, two)


@pytest.mark.soak
def test_a_process_that_fails_ends_all_of_them(make_job: MakeJob) -> None:
    whole = make_job("one")
    job = replace(whole, base=whole.base / "gone")
    with pytest.raises(TrainingProcessError, match="2 training processes"):
        train_on(2, job, lambda: None)
    assert not job.out.exists()
