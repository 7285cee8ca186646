"""Is a LoRA folder fit for a model? Looked at before vLLM sees it, which takes some wrong shapes without a word."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from worker.engines.contract import AdapterRefusedError

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
MAX_BYTES = 1 << 30
_PREFIX = "base_model.model."

Shape = tuple[int, ...]


def check_adapter(folder: Path, model: Path, max_rank: int) -> None:
    """Compare an adapter with the model's own weights.

    Raises:
        AdapterRefusedError: missing, corrupt, not LoRA, too large, or made for another model.
    """
    config = _config(folder / CONFIG_FILE)
    if config.get("peft_type") != "LORA":
        raise AdapterRefusedError(f"{folder}: peft_type is {config.get('peft_type')!r}; only LORA is served", "corrupt")
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise AdapterRefusedError(f"{path} is missing: an adapter is {CONFIG_FILE} and {WEIGHTS_FILE}", "missing")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise AdapterRefusedError(f"{path} has {size} bytes; at most {MAX_BYTES} are read", "oversized")
    shapes = _finite_shapes(path)
    base = _model_shapes(model)
    layers = {name.rsplit(".lora_", 1)[0] for name in shapes if ".lora_" in name}
    if not layers:
        raise AdapterRefusedError(f"{path} holds no LoRA weights", "corrupt")
    for name in shapes:
        if not name.endswith((".lora_A.weight", ".lora_B.weight")):
            raise AdapterRefusedError(
                f"{path}: {name} is no LoRA weight of a linear layer; train without it", "foreign"
            )
    for layer in sorted(layers):
        _check_layer(path, layer, shapes, base, max_rank)


def _check_layer(path: Path, layer: str, shapes: Mapping[str, Shape], base: Mapping[str, Shape], max_rank: int) -> None:
    """A is [rank, in] and B [out, rank] of a layer of [out, in]."""
    target = base.get(f"{layer.removeprefix(_PREFIX)}.weight")
    if target is None:
        raise AdapterRefusedError(
            f"{path}: the model has no layer {layer!r}: the adapter was made for another model", "foreign"
        )
    a, b = (shapes.get(f"{layer}.lora_{half}.weight") for half in "AB")
    if a is None or b is None or len(a) != len(b) or a[0] != b[-1]:
        raise AdapterRefusedError(f"{path}: {layer} has A of {a} and B of {b}, which do not fit together", "corrupt")
    if (b[0], a[-1]) != target:
        raise AdapterRefusedError(
            f"{path}: {layer} is for a layer of {(b[0], a[-1])}, the model's is {target}: made for another model",
            "foreign",
        )
    if a[0] > max_rank:
        raise AdapterRefusedError(
            f"{path}: rank {a[0]} is above the {max_rank} that this engine was started for", "oversized"
        )


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except OSError as error:
        raise AdapterRefusedError(f"{path} cannot be read: {error.strerror}", "missing") from error
    except ValueError as error:
        raise AdapterRefusedError(f"{path} is not JSON: {error}", "corrupt") from error
    if not isinstance(config, dict):
        raise AdapterRefusedError(f"{path} is not a JSON object", "corrupt")
    return config


def _finite_shapes(path: Path) -> dict[str, Shape]:
    """Shapes by name, of a file whose every number is finite."""
    import torch
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, Shape] = {}
    try:
        with safe_open(path, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - no mapping
                tensor = weights.get_tensor(name)
                if not bool(torch.isfinite(tensor).all()):
                    raise AdapterRefusedError(f"{path}: {name} holds numbers that are not finite", "corrupt")
                shapes[name] = tuple(tensor.shape)
    except (SafetensorError, OSError) as error:
        raise AdapterRefusedError(f"{path} is corrupt: {error}", "corrupt") from error
    return shapes


def _model_shapes(model: Path) -> dict[str, Shape]:
    return dict(_headers(model))


def _headers(model: Path) -> Iterator[tuple[str, Shape]]:
    from safetensors import safe_open

    for path in sorted(model.glob("*.safetensors")):
        with safe_open(path, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - no mapping
                yield name, tuple(weights.get_slice(name).get_shape())
