"""A run in MLflow's own store, read back; where MLflow is installed, which the product does not ask for."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from tests.trainer.lora_rig import recipe, run, write_base
from trainer.errors import StoppedError
from trainer.lora.trackers import MlflowTracker

pytest.importorskip("mlflow")


def test_a_stopped_run_is_gone_on_with_and_holds_every_step(
    tmp_path: Path,
    tiny_model: Callable[[], OPTForCausalLM],
    profile: ModelProfile,
    tokenizer_json: str,
    meld_file: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    write_base(tmp_path / "base", tiny_model(), profile, tokenizer_json)
    files = meld_file(40), meld_file(12)
    made = recipe(checkpoint_steps=3)
    client = import_module("mlflow").MlflowClient()
    calls = iter(range(100))

    def stop() -> None:
        if next(calls) == 7:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(tmp_path, files, made, tracker=MlflowTracker(tmp_path / "work"), name="v1", halt=stop)
    (stopped,) = client.search_runs(["0"])
    assert stopped.info.status == "KILLED"
    found = run(tmp_path, files, made, tracker=MlflowTracker(tmp_path / "work"), name="v1")
    (only,) = client.search_runs(["0"])
    assert (only.info.run_name, only.info.status) == ("v1", "FINISHED")
    assert only.data.params["rank"] == "4"
    history = client.get_metric_history(only.info.run_id, "loss")
    assert [one.step for one in history] == list(range(1, len(found.losses) + 1))
    assert [one.value for one in history] == pytest.approx(found.losses)
    scores = client.get_metric_history(only.info.run_id, "development_macro_f1")
    assert [one.value for one in scores] == pytest.approx(found.development_macro_f1)
