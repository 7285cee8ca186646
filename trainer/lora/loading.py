"""Base models and adapters: loading them for training and for answers, and writing what vLLM loads."""

import json
import os
from pathlib import Path
from typing import Any, Final

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.utils.save_and_load import load_peft_weights
from safetensors.torch import save
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from trainer.lora.errors import RecipeError, UnfitModelError
from trainer.lora.quantization import four_bit
from trainer.lora.recipe import Recipe
from trainer.precision import computed_in

WEIGHTS_FILE: Final = "adapter_model.safetensors"
CONFIG_FILE: Final = "adapter_config.json"


def load_base(
    base: Path, *, dtype: torch.dtype, device: torch.device, quantization: str | None = None
) -> PreTrainedModel:
    """Any causal model, in evaluation mode.

    Raises:
        QuantizationError: 4-bit weights without a GPU or without bitsandbytes.
        UnfitModelError: its logits are more than its head's product with the last hidden state.
    """
    options: dict[str, Any] = {"dtype": dtype, "config": _without_dropout(AutoConfig.from_pretrained(base))}
    if device.type == "cpu":
        # On one CPU core eager attention over 100 tokens is a third faster than the fused kernel, backward included.
        options["attn_implementation"] = "eager"
    if quantization == "4bit":
        options |= {"quantization_config": four_bit(device), "device_map": {"": device}}
    model = AutoModelForCausalLM.from_pretrained(base, **options)
    if quantization is None:
        model.to(device)
    model.eval()
    _check_head(model, base)
    return model


def answering_device() -> torch.device:
    """Where a model is asked: the GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_for_answers(
    base: Path, adapter: Path | None, *, zero_like: Path | None = None, device: torch.device | None = None
) -> PreTrainedModel:
    """A model to ask, as it is served: the adapter beside the weights and not merged into them.

    Args:
        base: the base model's folder.
        adapter: a PEFT folder, or None for the base model alone.
        zero_like: with no adapter, give the base one of this folder's shape that changes nothing, so that an answer
            takes as long as with it.
        device: the CPU if None.
    """
    device = device or torch.device("cpu")
    model = load_base(base, dtype=computed_in(device), device=device)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter)).get_base_model()
    elif zero_like is not None:
        # A fresh LoRA adapter is zero: its B is.
        model = get_peft_model(model, LoraConfig.from_pretrained(str(zero_like), inference_mode=True)).get_base_model()
    return model.eval()


def add_adapter(model: PreTrainedModel, recipe: Recipe) -> PeftModel:
    """A fresh adapter that can be trained; its weights are in float32.

    Raises:
        RecipeError: the model has no layer of one of the recipe's names.
    """
    present = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    if missing := [name for name in recipe.target_modules if name not in present]:
        raise RecipeError(
            f"the model ({model.config.model_type}) has no layer named {', '.join(missing)}: "
            "choose a variant of the recipe, or change target_modules"
        )
    torch.manual_seed(recipe.seed)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=list(recipe.target_modules),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def same_shape(adapter: Path, recipe: Recipe) -> bool:
    """Whether training can go on from an adapter's weights."""
    config = json.loads((adapter / CONFIG_FILE).read_bytes())
    found = (config["r"], config["lora_alpha"], set(config["target_modules"]))
    return found == (recipe.rank, recipe.lora_alpha, set(recipe.target_modules))


def take_weights(model: PeftModel, adapter: Path) -> None:
    """Begin with another adapter's weights."""
    set_peft_model_state_dict(model, load_peft_weights(str(adapter), device="cpu"))


def adapter_state(model: PeftModel) -> dict[str, Tensor]:
    """A copy of the adapter's weights, on the CPU, by the names that PEFT writes."""
    return {name: value.detach().cpu().clone() for name, value in get_peft_model_state_dict(model).items()}


def put_state(model: PeftModel, state: dict[str, Tensor]) -> None:
    """The reverse."""
    set_peft_model_state_dict(model, state)


def interpolated(begun: dict[str, Tensor], ended: dict[str, Tensor], share: float, *, fresh: bool) -> dict[str, Tensor]:
    """Weights on the line from the beginning of training to its end.

    Args:
        begun: at its beginning.
        ended: at its end.
        share: of the way, from 0 to 1.
        fresh: it began with a fresh adapter, whose B is zero. Its A, drawn at random, says nothing then: with the end's
            the adapter's change of the base is just ``share`` of the end's.
    """
    return {
        name: value if fresh and ".lora_A." in name else torch.lerp(begun[name], value, share)
        for name, value in ended.items()
    }


def write_adapter(folder: Path, model: PeftModel, state: dict[str, Tensor], base: str) -> None:
    """Write PEFT's two files, the same bytes for the same weights; each appears whole or not at all.

    Args:
        folder: is made where it is missing.
        model: its configuration is written.
        state: the weights.
        base: the base model's name; a path would be this machine's.
    """
    config = model.peft_config["default"].to_dict()
    config |= {
        "base_model_name_or_path": base,
        "inference_mode": True,
        "target_modules": sorted(config["target_modules"]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    ordered = {name: state[name].contiguous() for name in sorted(state)}
    _write(folder / WEIGHTS_FILE, save(ordered, metadata={"format": "pt"}))
    text = json.dumps({key: _plain(value) for key, value in sorted(config.items())}, indent=2)
    _write(folder / CONFIG_FILE, f"{text}\n".encode())


def _without_dropout(config: PretrainedConfig) -> PretrainedConfig:
    """Frozen weights need none, and drawing it was a third of a step's time on a CPU; the adapter has its own."""
    for name, value in config.to_dict().items():
        if name.endswith(("dropout", "pdrop")) and isinstance(value, float):
            setattr(config, name, 0.0)
    return config


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, set) else value


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)  # noqa: PTH105  # os.replace says what it does


def _check_head(model: PreTrainedModel, base: Path) -> None:
    """Some models scale or bend their logits after the head; what is computed at the label positions would be wrong."""
    ids = torch.tensor([[1, 2, 3]], device=model.device)
    with torch.inference_mode():
        theirs = model(input_ids=ids, use_cache=False).logits[0, -1].float()
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1]
        ours = model.get_output_embeddings()(hidden).float()
    if not torch.allclose(theirs, ours, rtol=0.02, atol=0.02):
        raise UnfitModelError(
            f"{base}: the logits of a {model.config.model_type} are not its head's product with the last hidden state; "
            "such models cannot be trained here"
        )
