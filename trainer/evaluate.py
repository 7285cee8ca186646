"""A model folder on a labelled file, without Kafka: the figures that a model card gives."""

from pathlib import Path

import torch
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.tokenizer import PromptTokenizer
from trainer.corpora import read
from trainer.errors import CorpusError
from trainer.examples import ExampleBuilder
from trainer.policies import Comparison, compare
from trainer.sanm import negotiate


def evaluate(folder: Path, corpus_format: str, path: Path) -> Comparison:
    """Every labelled message, by each policy, with the folder's own temperature and threshold.

    Raises:
        ProfileError: the model folder cannot be used.
        CorpusError: the file does not parse, or holds no label.
    """
    profile = ModelProfile.read(folder)
    builder = ExampleBuilder(profile, PromptTokenizer(folder))
    examples = list(builder.examples(read(corpus_format, path)))
    if not examples:
        raise CorpusError(path, 1, "no message of this file has a label: there is nothing to compare with")
    model = OPTForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    return compare(negotiate(model, builder.roles, examples), examples, profile)
