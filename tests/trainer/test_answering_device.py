"""What answers live or past messages runs where the gate ran: on the GPU, if there is one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from prompts.settings import PromptSettings, ServedBuilders
from trainer.gate.answers import Serving
from trainer.refresh_settings import CLASSES, RefreshSettings
from trainer.refresh_steps import RefreshSteps
from trainer.registry.store import Registry
from trainer.watch.adapters import ready


@pytest.mark.parametrize("gpu", [True, False])
def test_the_shadow_and_the_relabeller_answer_on_the_gpu_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, gpu: bool
) -> None:
    asked: list[Any] = []

    def load(*_: object, device: torch.device | None = None) -> None:
        asked.append(device)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr("trainer.lora.loading.load_for_answers", load)
    monkeypatch.setattr("trainer.refresh_steps.load_for_answers", load)
    monkeypatch.setattr("trainer.refresh_steps.shadow", lambda *_: None)
    monkeypatch.setenv("TRAINER_FOLDER", str(tmp_path))
    monkeypatch.setenv("TRAINER_REGISTRY", str(tmp_path / "registry"))
    steps = RefreshSteps(RefreshSettings.of({one: one() for one in CLASSES}), lambda: None)
    run, verdict = SimpleNamespace(version="v2"), SimpleNamespace(temperature=1.0, threshold=0.1)
    steps.shadow(run, tmp_path, verdict, tmp_path, lambda: None)  # type: ignore[arg-type]
    with ready(ServedBuilders(PromptSettings()), Registry(str(tmp_path)), None, Serving("calibrated")):
        pass
    monkeypatch.setattr(Registry, "fetch", lambda *_: "")
    metadata = SimpleNamespace(temperature=1.0, threshold=0.1)
    monkeypatch.setattr(Registry, "find", lambda *_: SimpleNamespace(metadata=metadata))
    with ready(ServedBuilders(PromptSettings()), Registry(str(tmp_path)), "v1", Serving("calibrated")):
        pass
    assert asked == [torch.device("cuda" if gpu else "cpu")] * 3
