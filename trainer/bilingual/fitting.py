"""How far the finished model can be trusted, taxonomy by taxonomy, with the weights as they are served."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import structlog
import torch
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile, Trust
from prompts.tokenizer import PromptTokenizer
from trainer.bilingual.figures import score
from trainer.bilingual.recipe import FigureName
from trainer.corpora import Conversation
from trainer.examples import Example, ExampleBuilder
from trainer.fitting import fit
from trainer.model_folder import write_profile
from trainer.precision import computed_in

log = structlog.get_logger()


def fit_folder(
    folder: Path, development: Mapping[str, Iterable[Conversation]], figures: Mapping[str, FigureName]
) -> ModelProfile:
    """Fit a temperature and a threshold for each taxonomy, and write them into the folder's profile.

    Args:
        folder: of the model.
        development: conversations by corpus; those of one taxonomy are taken together.
        figures: by corpus, what its threshold may not cost; weighted F1 where none is named.
    """
    profile = ModelProfile.read(folder)
    builder = ExampleBuilder(profile, PromptTokenizer(folder))
    model = OPTForCausalLM.from_pretrained(folder, dtype=computed_in(torch.device("cpu")))
    examples: dict[str, list[Example]] = {}
    judged_by: dict[str, FigureName] = {}
    for corpus, conversations in development.items():
        for one in builder.examples(conversations):
            examples.setdefault(one.question.parts.taxonomy, []).append(one)
            judged_by.setdefault(one.question.parts.taxonomy, figures.get(corpus, "weighted_f1"))
    trust = {}
    for name, asked in examples.items():
        labels = [label.name for label in asked[0].question.parts.labels]
        fitted = fit(model, builder.roles, profile, asked, partial(score, judged_by[name], labels=labels))
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
