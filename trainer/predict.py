"""G's first decisions for many examples, without training."""

from collections.abc import Sequence as List
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from trainer.batches import by_length, collate
from trainer.decisions import decide, padding_id
from trainer.examples import Example
from trainer.precision import computed_in
from trainer.rounds import Sequence

_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class _Unlabelled:
    """Labels of which none is known to be true."""

    label_ids: tuple[int, ...]
    target: int = 0


def label_logits(
    model: PreTrainedModel, examples: List[Example], prompts: List[tuple[int, ...]] | None = None
) -> NDArray[np.float64]:
    """Logits of the labels after each prompt, shape (examples, most labels), minus infinity at padding.

    Args:
        model: any causal model, with or without an adapter, in float32 (run in autocast where bfloat16 is fast) or in
            bfloat16.
        examples: what is asked; their own openings are the prompts,
        prompts: unless others are given, such as a discriminator's.
    """
    asked = [one.question.opening for one in examples] if prompts is None else prompts
    return prompt_logits(model, asked, [one.label_ids for one in examples])


def prompt_logits(
    model: PreTrainedModel, asked: List[tuple[int, ...]], label_ids: List[tuple[int, ...]]
) -> NDArray[np.float64]:
    """The same for token ids alone, each with its label set's tokens."""
    found = np.full((len(asked), max(map(len, label_ids))), -np.inf)
    was_training = model.training
    model.eval()
    # Weights in bfloat16 run as they are served, without a float32 stream between the layers.
    device = model.device
    mixed = model.dtype == torch.float32 and computed_in(device) == torch.bfloat16
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=mixed)
    padding = padding_id(model)
    with torch.inference_mode(), autocast:
        for rows in by_length(np.array([len(ids) for ids in asked]), _ROWS):
            sequences = [Sequence(asked[row], (len(asked[row]) - 1,)) for row in rows]
            batch = collate(sequences, [_Unlabelled(label_ids[row]) for row in rows], padding).to(device)
            labels = decide(model, batch).labels
            found[rows, : labels.shape[1]] = labels.cpu().numpy()
    model.train(was_training)
    return found
