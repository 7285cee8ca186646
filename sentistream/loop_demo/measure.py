"""How good the live adapter is on both corpora, answered by the trainer's torch through the policy that is live."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import f1_score

from prompts.profile import ModelProfile, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.adapter import METADATA_FILE, AdapterMetadata
from sentistream.loop_demo.people import LABELS
from sentistream.loop_demo.platform import mapped
from sentistream.loop_demo.settings import LoopDemoSettings
from trainer.corpora import read
from trainer.examples import Example, ExampleBuilder
from trainer.gate.answers import Serving, Trust, answer
from trainer.lora.loading import load_for_answers
from trainer.metrics import Indices, weighted_f1

_AT_ONCE: Final = 256

#: How predictions outside the platform's four labels count.
RULE: Final = (
    "Macro-F1 on EmoContext is the mean F1 of joy, sadness, anger and neutral. The model is free to answer any of its "
    "seven labels: fear, disgust, surprise, or no label at all (no consensus), is a miss for the true label, and no "
    "false alarm of any of the four."
)


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares, not percent.

    Attributes:
        platform: macro-F1 on EmoContext's validation file.
        platform_labels: F1 of each of its labels.
        meld: weighted F1 on MELD's development file.
    """

    platform: float
    platform_labels: dict[str, float]
    meld: float


class Yardstick:
    """Both files as questions to one model."""

    def __init__(self, model: str, settings: LoopDemoSettings, serving: Serving) -> None:
        self._base = find_model(model)
        self._profile = ModelProfile.read(self._base)
        self._builder = ExampleBuilder(self._profile, PromptTokenizer(self._base))
        self._serving = serving
        self._platform = list(self._builder.examples(mapped(settings.emocontext_valid)))
        self._meld = list(self._builder.examples(read("meld", settings.meld_dev)))

    def measure(self, adapter: Path | None, halt: Callable[[], None]) -> Scores:
        """Ask both files.

        Args:
            adapter: its folder from the registry; None for the base model.
            halt: called every few seconds; raises what ends it.
        """
        trust = Trust.of(self._profile)
        if adapter is not None:
            metadata = AdapterMetadata.model_validate_json((adapter / METADATA_FILE).read_bytes())
            trust = Trust(metadata.temperature, metadata.threshold)
        model = load_for_answers(self._base, adapter)

        def ask(examples: list[Example]) -> Indices:
            found = []
            for first in range(0, len(examples), _AT_ONCE):
                halt()
                some = examples[first : first + _AT_ONCE]
                found.append(answer(model, self._builder.roles, some, self._serving, trust).final)
            return np.concatenate(found)

        platform, meld = ask(self._platform), ask(self._meld)
        each = label_f1(self._platform, platform)
        return Scores(
            platform=float(np.mean(list(each.values()))),
            platform_labels=each,
            meld=weighted_f1(_truth(self._meld), meld, len(_names(self._meld))),
        )


def label_f1(examples: Sequence[Example], predicted: Indices) -> dict[str, float]:
    """F1 of the platform's labels, by `RULE`; an outlier is the index -1."""
    names = _names(examples)
    places = [names.index(label) for label in LABELS]
    found = f1_score(_truth(examples), predicted, labels=places, average=None, zero_division=0.0)
    return {label: float(value) for label, value in zip(LABELS, found, strict=True)}


def _truth(examples: Sequence[Example]) -> Indices:
    return np.array([one.target for one in examples], dtype=np.int64)


def _names(examples: Sequence[Example]) -> list[str]:
    return [label.name for label in examples[0].question.parts.labels]
