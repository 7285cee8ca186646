"""What numbers vLLM computes in on this machine's processor."""

from types import MappingProxyType

import pytest
import torch

from worker.engines.vllm_environment import on_this_machine
from worker.engines.vllm_options import VllmOptions


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")


def _processor(monkeypatch: pytest.MonkeyPatch, **has: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType(has))


def test_a_cpu_without_bfloat16_computes_in_float32_with_as_many_tokens_in_the_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _processor(monkeypatch, avx2=True, avx512_bf16=False, amx_bf16=False)
    chosen = on_this_machine(VllmOptions())
    assert (chosen.dtype, chosen.kv_cache_mb) == ("float32", 512)


@pytest.mark.parametrize("product", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_cpu_with_bfloat16_computes_as_the_model_says(monkeypatch: pytest.MonkeyPatch, product: str) -> None:
    _processor(monkeypatch, **{product: True})
    chosen = on_this_machine(VllmOptions())
    assert (chosen.dtype, chosen.kv_cache_mb) == ("auto", 256)


def test_a_format_that_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _processor(monkeypatch, avx512_bf16=False)
    chosen = on_this_machine(VllmOptions(dtype="bfloat16", kv_cache_mb=64))
    assert (chosen.dtype, chosen.kv_cache_mb) == ("bfloat16", 64)


def test_a_gpu_computes_as_the_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    _processor(monkeypatch, avx512_bf16=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert on_this_machine(VllmOptions()).dtype == "auto"
