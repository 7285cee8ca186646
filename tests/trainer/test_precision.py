"""What models are computed in, by what the processor can do."""

from types import MappingProxyType

import pytest
import torch

from tests.trainer.lora_rig import recipe
from trainer.lora.devices import taught_in
from trainer.precision import computed_in

CPU = torch.device("cpu")


def _processor(monkeypatch: pytest.MonkeyPatch, **has: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType(has))


@pytest.mark.parametrize("product", ["avx512_bf16", "amx_bf16", "bf16"])
def test_bfloat16_where_the_processor_has_products_of_it(monkeypatch: pytest.MonkeyPatch, product: str) -> None:
    _processor(monkeypatch, **{product: True})
    assert computed_in(CPU) == torch.bfloat16
    assert taught_in(recipe(precision="bf16"), CPU) == torch.bfloat16
    assert taught_in(recipe(precision="fp32"), CPU) == torch.float32


def test_float32_where_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    _processor(monkeypatch, avx2=True, avx512_bf16=False)
    assert computed_in(CPU) == torch.float32
    assert taught_in(recipe(precision="bf16"), CPU) == torch.float32
    assert computed_in(torch.device("cuda")) == torch.bfloat16
