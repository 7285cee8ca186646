"""The CPU's LoRA operations against vLLM's own, whose file is read afresh: the plugin may have replaced them."""

import importlib.util
import itertools
from pathlib import Path
from types import ModuleType

import pytest
import torch

from worker.engines import cpu_lora_ops

SLOTS, RANK, WIDE = 3, 8, 48


@pytest.fixture(scope="module")
def original() -> ModuleType:
    found = importlib.util.find_spec("vllm")
    if found is None or found.origin is None:
        pytest.skip("vLLM is not installed")
    path = Path(found.origin).parent / "lora" / "ops" / "torch_ops" / "lora_ops.py"
    spec = importlib.util.spec_from_file_location("original_lora_ops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def batches() -> list[list[int]]:
    """Rows' slots: one adapter, several in runs, interleaved, none at all, a single row."""
    return [[0] * 7, [0, 0, 1, 1, 2], [2, 0, 2, 1, 0, 0, 2], [-1] * 4, [-1, 0, -1, 1, -1, 0], [1]]


def stacked(rows: int, columns: int, dtype: torch.dtype, *, slices: bool) -> torch.Tensor:
    weights = torch.randn(SLOTS + 1, rows, columns, dtype=dtype)
    weights[-1] = 0  # -1 indexes the last slot in vLLM's functions: an empty one makes them say "nothing added"
    return weights.unsqueeze(1) if slices else weights


CASES = list(itertools.product(batches(), ["float32", "bfloat16"], [False, True]))


@pytest.mark.parametrize(("slots", "dtype", "slices"), CASES)
def test_shrink_is_the_originals(original: ModuleType, slots: list[int], dtype: str, slices: bool) -> None:  # noqa: FBT001
    torch.manual_seed(1)
    kind = getattr(torch, dtype)
    inputs, weights = torch.randn(len(slots), WIDE, dtype=kind), stacked(RANK, WIDE, kind, slices=slices)
    expected, got = torch.full((len(slots), RANK + 2), 9.0), torch.full((len(slots), RANK + 2), 9.0)
    indices = torch.tensor(slots)
    original.bgmv_shrink(inputs, weights, expected, indices, 0.5)
    cpu_lora_ops.bgmv_shrink(inputs, weights, got, indices, 0.5)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("add", [True, False])
@pytest.mark.parametrize(("slots", "dtype", "slices"), CASES)
def test_expand_is_the_originals(
    original: ModuleType,
    slots: list[int],
    dtype: str,
    slices: bool,  # noqa: FBT001
    add: bool,  # noqa: FBT001
) -> None:
    torch.manual_seed(2)
    kind = getattr(torch, dtype)
    inputs, weights = torch.randn(len(slots), RANK), stacked(WIDE, RANK, kind, slices=slices)
    indices = torch.tensor(slots)
    # Narrower, equal and wider than the adapter: they may pad the vocabulary differently.
    for columns in (WIDE - 3, WIDE, WIDE + 5):
        start = torch.randn(len(slots), columns, dtype=kind)
        expected, got = start.clone(), start.clone()
        original.bgmv_expand(inputs, weights, expected, indices, add)
        cpu_lora_ops.bgmv_expand(inputs, weights, got, indices, add)
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("add", [True, False])
@pytest.mark.parametrize(("slots", "dtype", "slices"), CASES)
def test_expand_slice_is_the_originals(
    original: ModuleType,
    slots: list[int],
    dtype: str,
    slices: bool,  # noqa: FBT001
    add: bool,  # noqa: FBT001
) -> None:
    torch.manual_seed(3)
    kind = getattr(torch, dtype)
    inputs, weights = torch.randn(len(slots), RANK), stacked(WIDE, RANK, kind, slices=slices)
    indices, start = torch.tensor(slots), torch.randn(len(slots), 3 * WIDE, dtype=kind)
    expected, got = start.clone(), start.clone()
    original.bgmv_expand_slice(inputs, weights, expected, indices, WIDE, WIDE, add)
    cpu_lora_ops.bgmv_expand_slice(inputs, weights, got, indices, WIDE, WIDE, add)
    torch.testing.assert_close(got, expected)


def test_one_row_is_added_to_all_rows_as_in_the_original(original: ModuleType) -> None:
    inputs, weights = torch.randn(1, RANK), stacked(WIDE, RANK, torch.float32, slices=False)
    start, indices = torch.randn(5, WIDE), torch.tensor([1])
    expected, got = start.clone(), start.clone()
    original.bgmv_expand(inputs, weights, expected, indices)
    cpu_lora_ops.bgmv_expand(inputs, weights, got, indices)
    torch.testing.assert_close(got, expected)


def test_rows_without_adapter_stay_as_they_are_when_the_last_slot_is_in_use() -> None:
    weights = torch.randn(SLOTS, WIDE, RANK)
    start = torch.randn(3, WIDE)
    got = start.clone()
    cpu_lora_ops.bgmv_expand(torch.randn(3, RANK), weights, got, torch.tensor([-1, 2, -1]))
    torch.testing.assert_close(got[[0, 2]], start[[0, 2]])
    assert not torch.allclose(got[1], start[1])


def test_rows_are_grouped_once_per_adapter() -> None:
    groups = cpu_lora_ops.group_rows(torch.tensor([1, 1, -1, 0, 1]))
    rows = {group.slot: torch.arange(5)[group.rows].tolist() for group in groups}
    assert rows == {1: [0, 1, 4], 0: [3]}
    assert isinstance(next(group.rows for group in groups if group.slot == 0), slice)
