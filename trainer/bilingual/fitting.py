"""How far the finished model can be trusted, taxonomy by taxonomy, with the weights as they are served."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog
import torch
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile, Trust
from prompts.tokenizer import PromptTokenizer
from trainer.corpora import Conversation
from trainer.examples import Example, ExampleBuilder
from trainer.fitting import fit
from trainer.model_folder import write_profile

log = structlog.get_logger()


def fit_folder(folder: Path, development: Mapping[str, Iterable[Conversation]]) -> ModelProfile:
    """Fit a temperature and a threshold for each taxonomy, and write them into the folder's profile.

    Args:
        folder: of the model.
        development: conversations by corpus; those of one taxonomy are taken together.
    """
    profile = ModelProfile.read(folder)
    builder = ExampleBuilder(profile, PromptTokenizer(folder))
    model = OPTForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    examples: dict[str, list[Example]] = {}
    for conversations in development.values():
        for one in builder.examples(conversations):
            examples.setdefault(one.question.parts.taxonomy, []).append(one)
    trust = {}
    for name, asked in examples.items():
        fitted = fit(model, builder.roles, profile, asked)
        trust[name] = Trust(temperature=fitted.profile.temperature, threshold=fitted.profile.threshold)
        error = fitted.dev.calibration_error[1]
        gain = fitted.dev.policies["calibrated"].gain.observed
        log.info(
            "trust_fitted", taxonomy=name, calibration_error=round(error, 4), gain=round(gain, 4), **dict(trust[name])
        )
    usual = trust.get(profile.taxonomies[0])
    general = usual.model_dump() if usual else {}
    profile = profile.model_copy(update={**general, "trust": trust})
    write_profile(folder, profile)
    return profile
