import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from structlog.testing import capture_logs
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, OPTForCausalLM, PreTrainedModel

from prompts.profile import ModelProfile
from tests.trainer.lora_rig import GATED, examples_of, gated_model, recipe, run, says_right, write_base
from trainer import checkpoint
from trainer.errors import CheckpointError, StoppedError
from trainer.lora.errors import NothingToTrainOnError, QuantizationError, RecipeError, TrackerError, UnfitModelError
from trainer.lora.loading import CONFIG_FILE, WEIGHTS_FILE, load_for_answers
from trainer.lora.recipe import Recipe
from trainer.lora.trackers import MlflowTracker, TensorBoardTracker, Trackers, tracker_for
from trainer.predict import label_logits

MakeModel = Callable[[], OPTForCausalLM]
MakeFile = Callable[[int], Path]
Files = tuple[Path, Path]
#: Enough for a random model to learn from a file what its words mean.
LEARNS: dict[str, Any] = {"rank": 8, "epochs": 20, "learning_rate": 1e-2, "patience": None}


@pytest.fixture
def base(tmp_path: Path, tiny_model: MakeModel, profile: ModelProfile, tokenizer_json: str) -> Path:
    return write_base(tmp_path / "base", tiny_model(), profile, tokenizer_json)


@pytest.fixture(scope="module")
def files(meld_file: MakeFile) -> Files:
    return meld_file(40), meld_file(12)


class Recorder:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.seen: list[tuple[int, dict[str, float]]] = []
        self.ended = False

    def begin(self, _name: str, _facts: Mapping[str, Any], step: int) -> None:
        self.begun.append(step)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self.seen.append((step, dict(values)))

    def end(self, *, finished: bool) -> None:
        self.ended = finished


def test_an_adapter_learns_what_the_base_does_not_know(tmp_path: Path, base: Path, files: Files) -> None:
    tracker = Recorder()
    found = run(tmp_path, files, recipe(**LEARNS), tracker=tracker)
    assert len(found.losses) == LEARNS["epochs"] * -(-120 // 16)
    assert found.development_macro_f1[found.best_epoch - 1] == max(found.development_macro_f1)
    development = examples_of(base, files[1])
    assert says_right(load_for_answers(base, None), development) < 0.6
    assert says_right(load_for_answers(base, tmp_path / "work-out"), development) > 0.9
    assert {one.name for one in (tmp_path / "work-out").iterdir()} == {WEIGHTS_FILE, CONFIG_FILE}
    steps = [values for _, values in tracker.seen if "loss" in values]
    assert [one["loss"] for one in steps] == list(found.losses)
    assert steps[0]["learning_rate"] < max(one["learning_rate"] for one in steps) > 5 * steps[-1]["learning_rate"]
    assert tracker.ended


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_llama_and_qwen_learn_too(
    tmp_path: Path, profile: ModelProfile, tokenizer_json: str, files: Files, kind: str
) -> None:
    words = Tokenizer.from_str(tokenizer_json).get_vocab_size()
    base = write_base(tmp_path / "base", gated_model(kind, words), profile, tokenizer_json)
    made = recipe(**LEARNS, target_modules=GATED, gradient_checkpointing=True)
    run(tmp_path, files, made)
    assert says_right(load_for_answers(base, tmp_path / "work-out"), examples_of(base, files[1])) > 0.9


@pytest.mark.usefixtures("base")
def test_the_same_run_twice_writes_the_same_bytes(tmp_path: Path, files: Files) -> None:
    first = run(tmp_path, files, recipe(), "one")
    again = run(tmp_path, files, recipe(), "two")
    assert first.losses == again.losses
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        assert (tmp_path / "one-out" / name).read_bytes() == (tmp_path / "two-out" / name).read_bytes()


def test_gradients_of_parts_add_up_to_the_batchs(tmp_path: Path, base: Path, files: Files) -> None:
    # One task, no dropout: nothing is drawn but the order.
    exact = {"tasks": "generator", "lora_dropout": 0.0, "max_steps": 6}
    model = OPTForCausalLM.from_pretrained(base)
    model.config.dropout = 0.0
    model.save_pretrained(base)
    whole = run(tmp_path, files, recipe(**exact), "whole")
    apart = run(tmp_path, files, recipe(**exact, micro_batch=5), "apart")
    assert apart.losses == pytest.approx(whole.losses, rel=1e-4)


def test_answers_are_those_of_peft(tmp_path: Path, base: Path, files: Files) -> None:
    run(tmp_path, files, recipe(max_steps=5))
    asked = examples_of(base, files[1])[:4]
    ours = label_logits(load_for_answers(base, tmp_path / "work-out"), asked)
    network = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), str(tmp_path / "work-out")
    ).merge_and_unload()
    with torch.no_grad():
        theirs = [network(torch.tensor([one.question.opening])).logits[0, -1, list(one.label_ids)] for one in asked]
    np.testing.assert_allclose(ours, torch.stack(theirs).numpy(), atol=0.05)


def test_a_zero_adapter_changes_no_answer(tmp_path: Path, base: Path, files: Files) -> None:
    run(tmp_path, files, recipe(max_steps=2))
    asked = examples_of(base, files[1])
    plain = load_for_answers(base, None)
    zero = load_for_answers(base, None, zero_like=tmp_path / "work-out")
    assert len(list(zero.modules())) > len(list(plain.modules()))
    np.testing.assert_array_equal(label_logits(zero, asked), label_logits(plain, asked))


@pytest.mark.usefixtures("base")
def test_training_goes_on_from_the_live_adapter(tmp_path: Path, files: Files) -> None:
    run(tmp_path, files, recipe(max_steps=30, learning_rate=2e-2))
    live = tmp_path / "work-out"
    still = recipe(max_steps=1, learning_rate=1e-9)
    run(tmp_path, files, still, "on", parent=live)
    for name, value in load_file(live / WEIGHTS_FILE).items():
        torch.testing.assert_close(load_file(tmp_path / "on-out" / WEIGHTS_FILE)[name], value, atol=1e-6, rtol=0)
    for number, other in enumerate(
        (still.model_copy(update={"continue_from_live": False}), recipe(rank=2, max_steps=1))
    ):
        run(tmp_path, files, other, f"anew{number}", parent=live)
        weights = load_file(tmp_path / f"anew{number}-out" / WEIGHTS_FILE)
        assert max(float(value.abs().max()) for name, value in weights.items() if "lora_B" in name) < 0.02


@pytest.mark.usefixtures("base")
def test_what_is_written_lies_between_beginning_and_end(tmp_path: Path, files: Files) -> None:
    def weights(name: str, parent: Path | None, **changes: Any) -> dict[str, torch.Tensor]:
        run(tmp_path, files, recipe(max_steps=20, learning_rate=2e-2, **changes), name, parent=parent)
        return load_file(tmp_path / f"{name}-out" / WEIGHTS_FILE)

    whole, half = weights("whole", None), weights("half", None, interpolation=0.5)
    for name, value in whole.items():
        torch.testing.assert_close(half[name], value if "lora_A" in name else value / 2)
    live = tmp_path / "whole-out"
    on, little = weights("on", live, seed=3), weights("little", live, seed=3, interpolation=0.25)
    assert any(not torch.equal(on[name], value) for name, value in whole.items())
    for name, value in whole.items():
        torch.testing.assert_close(little[name], 0.75 * value + 0.25 * on[name])


@pytest.mark.usefixtures("base")
def test_it_ends_when_it_gets_no_better(tmp_path: Path, files: Files) -> None:
    found = run(tmp_path, files, recipe(epochs=9, learning_rate=1e-9, patience=2))
    assert len(found.development_macro_f1) == 3
    assert found.best_epoch == 1


@pytest.mark.usefixtures("base")
def test_a_halt_keeps_what_was_done(tmp_path: Path, files: Files) -> None:
    whole = run(tmp_path, files, recipe(), "whole")
    calls = iter(range(100))

    def stop() -> None:
        if next(calls) == 5:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(tmp_path, files, recipe(), "stopped", halt=stop)
    assert not (tmp_path / "stopped-out").exists()
    tracker = Recorder()
    assert run(tmp_path, files, recipe(), "stopped", tracker=tracker).losses == whole.losses
    assert tracker.begun == [5]


@pytest.mark.usefixtures("base")
def test_a_checkpoint_that_cannot_be_gone_on_from_is_deleted_and_training_begins_anew(
    tmp_path: Path, files: Files, meld_file: MakeFile
) -> None:
    """A power cut left half of a file; a corpus, a label map or the tokenizer changed after a kill."""
    made = recipe(max_steps=1)
    first = run(tmp_path, files, made)
    kept = tmp_path / "work" / checkpoint.FILE
    kept.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
    torn, other = Recorder(), Recorder()
    with capture_logs() as logs:
        assert run(tmp_path, files, made, tracker=torn).losses == first.losses
        run(tmp_path, (meld_file(39), files[1]), made, tracker=other)
    assert (torn.begun, other.begun) == ([0], [0])
    said = [one["reason"] for one in logs if one["event"] == "checkpoint_given_up"]
    assert ["cannot be read" in said[0], "settings or data" in said[1]] == [True, True]


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, bool]] = []
    sync = os.fsync

    def told(file: int) -> None:
        sync(file)
        done.append((Path(f"/proc/self/fd/{file}").readlink().name, (tmp_path / "work" / checkpoint.FILE).exists()))

    monkeypatch.setattr(os, "fsync", told)
    checkpoint.save(tmp_path / "work", checkpoint.Checkpoint("run", 0, 1, {}))
    assert done == [(f"{checkpoint.FILE}.partial", False), ("work", True)]


def test_an_empty_checkpoint_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / checkpoint.FILE).touch()
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(tmp_path, "run")


@pytest.mark.usefixtures("base")
def test_what_does_not_fit_is_explained(tmp_path: Path, files: Files) -> None:
    with pytest.raises(RecipeError, match=r"opt.*no layer named gate_proj.*variant"):
        run(tmp_path, files, recipe(target_modules=("q_proj", "gate_proj")))
    with pytest.raises(NothingToTrainOnError, match="16 tokens"):
        run(tmp_path, files, recipe(max_tokens=16))
    with pytest.raises(QuantizationError, match="GPU"):
        run(tmp_path, files, recipe(quantization="4bit"))


@pytest.mark.usefixtures("base")
def test_a_model_with_a_bent_head_is_refused(tmp_path: Path, files: Files, monkeypatch: Any) -> None:
    forward = OPTForCausalLM.forward

    def bent(self: PreTrainedModel, *args: Any, **options: Any) -> Any:
        found = forward(self, *args, **options)
        found.logits = found.logits * 3
        return found

    monkeypatch.setattr(OPTForCausalLM, "forward", bent)
    with pytest.raises(UnfitModelError, match="opt"):
        run(tmp_path, files, recipe())


@pytest.mark.usefixtures("base")
def test_metrics_go_to_tensorboard(tmp_path: Path, files: Files) -> None:
    pytest.importorskip("tensorboard")
    events_of = import_module("tensorboard.backend.event_processing.event_accumulator").EventAccumulator

    calls = iter(range(100))

    def stop() -> None:
        if next(calls) == 7:
            raise StoppedError

    made = recipe(checkpoint_steps=3)
    with pytest.raises(StoppedError):
        run(tmp_path, files, made, tracker=TensorBoardTracker(tmp_path / "board"), halt=stop)
    found = run(tmp_path, files, made, tracker=TensorBoardTracker(tmp_path / "board"))
    events = events_of(str(tmp_path / "board" / "work")).Reload()
    losses = events.Scalars("loss")
    assert [one.step for one in losses] == list(range(1, len(found.losses) + 1))
    assert [one.value for one in losses] == pytest.approx(found.losses)
    assert [one.value for one in events.Scalars("development_macro_f1")] == pytest.approx(found.development_macro_f1)


def test_a_tracker_that_is_not_installed_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrackerError, match="install mlflow"):
        MlflowTracker(tmp_path).begin("run", {}, 0)
    assert isinstance(tracker_for("mlflow", tmp_path, tmp_path), Trackers)


def test_a_resumed_run_stays_one_run_in_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, Any]] = []

    class Run:
        class info:  # noqa: N801
            run_id = "r1"

    class Mlflow:
        @staticmethod
        def start_run(**options: Any) -> type[Run]:
            calls.append(("start", options["run_id"]))
            return Run

        @staticmethod
        def log_params(facts: Any) -> None:
            calls.append(("params", facts))

        @staticmethod
        def log_metrics(values: Any, step: int) -> None:
            calls.append(("metrics", (step, values)))

        @staticmethod
        def end_run(status: str) -> None:
            calls.append(("end", status))

    monkeypatch.setitem(sys.modules, "mlflow", Mlflow)
    for step in (0, 4):
        one = MlflowTracker(tmp_path / "work")
        one.begin("v", {"rank": 4}, step)
        one.metrics(step + 1, {"loss": 0.5})
        one.end(finished=step > 0)
    assert [name for name, _ in calls] == ["start", "params", "metrics", "end", "start", "metrics", "end"]
    assert (calls[0], calls[4]) == (("start", None), ("start", "r1"))
    assert (calls[3], calls[6]) == (("end", "KILLED"), ("end", "FINISHED"))


def test_every_recipe_fits_its_model(
    tmp_path: Path, profile: ModelProfile, tokenizer_json: str, tiny_model: MakeModel, files: Files
) -> None:
    words = Tokenizer.from_str(tokenizer_json).get_vocab_size()
    models = {"": tiny_model(), ":llama-3.1-8b": gated_model("llama", words), ":qwen3-8b": gated_model("qwen3", words)}
    for variant, model in models.items():
        folder = tmp_path / f"of{variant.replace(':', '-')}"
        write_base(folder / "base", model, profile, tokenizer_json)
        for name in ("sentixrl", "dialoguellm", "plain"):
            made = Recipe.load(name + variant).model_copy(update={"quantization": None, "max_steps": 2})
            assert len(run(folder, files, made, name).losses) == 2
