"""What a model is worth on the development sets, by the figure that each is judged by."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import OPTForCausalLM

from trainer.bilingual.decisions import hidden_states, label_scores
from trainer.bilingual.decoder_layers import DecoderLayers
from trainer.bilingual.packing import collate, pack
from trainer.bilingual.recipe import BilingualRecipe, FigureName
from trainer.bilingual.trees import Tree
from trainer.calibration import fit_temperature, probabilities
from trainer.examples import Example
from trainer.metrics import Indices, calibration_error, report
from trainer.precision import computed_in

#: Labels that say that there is none of a corpus's emotions.
_NO_EMOTION: Final = {"no_emotion", "others"}
_SENTIMENTS: Final = ("negative", "neutral", "positive")
_ROWS: Final = 16


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one development set; ``ece`` is after the temperature that suits it best."""

    figure: float
    accuracy: float
    macro_f1: float
    weighted_f1: float
    sentiment_macro_f1: float
    ece: float
    temperature: float
    messages: int

    def rounded(self) -> dict[str, float]:
        """For a log or a file."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def answers(model: OPTForCausalLM, trees: Sequence[Tree], length: int) -> tuple[list[Example], NDArray[np.float64]]:
    """First answers: the examples and the logits of their labels, shape (examples, most labels)."""
    rows = pack(trees, length, np.random.default_rng(0))
    examples: list[Example] = []
    found: list[NDArray[np.float32]] = []
    layers = DecoderLayers(computed_in(model.device))
    with torch.inference_mode():
        for start in range(0, len(rows), _ROWS):
            packed = collate(rows[start : start + _ROWS], length, model.config.pad_token_id)
            asked = [one.example for one in packed.decisions]
            found.append(label_scores(model, hidden_states(model, packed, layers), asked).numpy())
            examples += asked
    return examples, np.concatenate(found).astype(np.float64)


def score(name: FigureName, truth: Indices, predicted: Indices, labels: Sequence[str]) -> float:
    """One figure, from 0 to 1."""
    found = report(truth, predicted, labels)
    if name in ("accuracy", "macro_f1", "weighted_f1"):
        return float(getattr(found, name))
    own = [one for one in labels if one not in _NO_EMOTION]
    if name == "macro_f1_emotions":
        return sum(found.per_label[one].f1 for one in own) / len(own)
    emotional = np.isin(truth, [labels.index(one) for one in own])
    said = np.isin(predicted, [labels.index(one) for one in own])
    hits = int((emotional & (truth == predicted)).sum())
    return 2 * hits / max(int(emotional.sum() + said.sum()), 1)


def _sentiment_macro_f1(truth: Indices, predicted: Indices, example: Example) -> float:
    """Where a label leaves its sentiment open, the message does not count."""
    own = [one.sentiment for one in example.question.parts.labels]
    index = np.array([_SENTIMENTS.index(one) if one else -1 for one in own])
    known = index[truth] >= 0
    return report(index[truth][known], index[predicted][known], _SENTIMENTS).macro_f1


def measure(examples: Sequence[Example], logits: NDArray[np.float64], name: FigureName) -> Figures:
    """All figures of one development set, whose examples are of one taxonomy."""
    labels = [one.name for one in examples[0].question.parts.labels]
    logits = logits[:, : len(labels)]
    truth = np.array([one.target for one in examples])
    predicted = logits.argmax(-1)
    temperature = fit_temperature(logits, truth)
    found = report(truth, predicted, labels)
    return Figures(
        figure=score(name, truth, predicted, labels),
        accuracy=found.accuracy,
        macro_f1=found.macro_f1,
        weighted_f1=found.weighted_f1,
        sentiment_macro_f1=_sentiment_macro_f1(truth, predicted, examples[0]),
        ece=calibration_error(probabilities(logits, temperature).max(-1), truth == predicted),
        temperature=temperature,
        messages=len(examples),
    )


def development_figures(
    model: OPTForCausalLM, development: dict[str, list[Tree]], recipe: BilingualRecipe
) -> dict[str, Figures]:
    """By corpus format."""
    result = {}
    for name, trees in development.items():
        examples, logits = answers(model, trees, recipe.length)
        result[name] = measure(examples, logits, recipe.figures.get(name, "macro_f1"))
    return result
