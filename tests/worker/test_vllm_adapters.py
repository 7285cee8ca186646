"""Adapters that vLLM must never see."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.worker.tiny_opt import make_adapter, make_model
from worker.engines import vllm_adapters
from worker.engines.contract import AdapterRefusedError
from worker.engines.vllm_adapters import CONFIG_FILE, WEIGHTS_FILE, check_adapter


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def sound(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(model, tmp_path_factory.mktemp("adapter"), 1)


@pytest.fixture
def adapter(sound: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound, tmp_path / "adapter")


def change(adapter: Path, name_part: str, weights: torch.Tensor | None, *, rename: str | None = None) -> None:
    """Replace or rename one tensor of the file."""
    path = adapter / WEIGHTS_FILE
    tensors = load_file(path)
    name = next(one for one in tensors if name_part in one)
    old = tensors.pop(name)
    tensors[rename or name] = old if weights is None else weights
    save_file(tensors, path)


def test_a_sound_adapter_passes(adapter: Path, model: Path) -> None:
    check_adapter(adapter, model, max_rank=8)


def test_a_rank_above_the_engines(adapter: Path, model: Path) -> None:
    with pytest.raises(AdapterRefusedError, match="rank 8 is above the 4"):
        check_adapter(adapter, model, max_rank=4)


@pytest.mark.parametrize("hidden", [32, 96])
def test_an_adapter_of_a_narrower_or_wider_model(model: Path, tmp_path: Path, hidden: int) -> None:
    foreign = make_adapter(make_model(tmp_path / "model", hidden=hidden), tmp_path / "foreign", 1)
    with pytest.raises(AdapterRefusedError, match="made for another model"):
        check_adapter(foreign, model, max_rank=8)


def test_a_layer_that_the_model_has_not(adapter: Path, model: Path) -> None:
    change(adapter, "q_proj.lora_A", None, rename="base_model.model.encoder.q_proj.lora_A.weight")
    with pytest.raises(AdapterRefusedError, match="has no layer"):
        check_adapter(adapter, model, max_rank=8)


def test_a_file_cut_short(adapter: Path, model: Path) -> None:
    path = adapter / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AdapterRefusedError, match="corrupt"):
        check_adapter(adapter, model, max_rank=8)


def test_a_file_that_is_no_safetensors(adapter: Path, model: Path) -> None:
    (adapter / WEIGHTS_FILE).write_bytes(b"\x80\x05 a pickle, say")
    with pytest.raises(AdapterRefusedError, match="corrupt"):
        check_adapter(adapter, model, max_rank=8)


def test_numbers_that_are_not_finite(adapter: Path, model: Path) -> None:
    change(adapter, "fc2.lora_B", torch.full((64, 8), float("nan")))
    with pytest.raises(AdapterRefusedError, match="not finite"):
        check_adapter(adapter, model, max_rank=8)


def test_halves_that_do_not_fit(adapter: Path, model: Path) -> None:
    change(adapter, "fc2.lora_B", torch.zeros(64, 4))
    with pytest.raises(AdapterRefusedError, match="do not fit together"):
        check_adapter(adapter, model, max_rank=8)


def test_weights_beside_lora(adapter: Path, model: Path) -> None:
    change(adapter, "fc2.lora_B", torch.zeros(64), rename="base_model.model.model.decoder.layers.0.fc2.bias")
    with pytest.raises(AdapterRefusedError, match="no LoRA weight"):
        check_adapter(adapter, model, max_rank=8)


def test_a_file_above_the_limit(adapter: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_adapters, "MAX_BYTES", 1000)
    with pytest.raises(AdapterRefusedError, match="at most 1000"):
        check_adapter(adapter, model, max_rank=8)


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_missing_file(adapter: Path, model: Path, name: str) -> None:
    (adapter / name).unlink()
    with pytest.raises(AdapterRefusedError, match=name):
        check_adapter(adapter, model, max_rank=8)


@pytest.mark.parametrize(
    ("content", "what"),
    [("{", "not JSON"), ("[]", "not a JSON object"), (json.dumps({"peft_type": "IA3"}), "only LORA")],
)
def test_a_config_that_cannot_be_used(adapter: Path, model: Path, content: str, what: str) -> None:
    (adapter / CONFIG_FILE).write_text(content)
    with pytest.raises(AdapterRefusedError, match=what):
        check_adapter(adapter, model, max_rank=8)
