"""Making the model that ships: data, warm start, training, calibration, and the folder that vLLM loads."""

import tempfile
from pathlib import Path

import structlog
import torch
from transformers import OPTForCausalLM

from prompts.profile import TOKENIZER_FILE, ModelProfile
from prompts.tokenizer import PromptTokenizer
from trainer.base_training import BaseTraining, Data
from trainer.corpora import read
from trainer.examples import ExampleBuilder
from trainer.fitting import Fitted, fit
from trainer.mixture import FurtherCorpus, Mixture, drawn, load_further
from trainer.model_folder import write_model, write_profile
from trainer.precision import computed_in
from trainer.settings import TrainBaseSettings
from trainer.warm_start import tokenizer_text, warm_start

log = structlog.get_logger()


def base_profile(name: str) -> ModelProfile:
    """How the model is asked, before temperature and threshold are fitted."""
    return ModelProfile(
        name=name,
        template="completion",
        start="[CLS]",
        separator="[SEP]",
        parts=("I", "H", "L"),
        languages=("en",),
        taxonomies=("meld",),
        token_budget=480,
        context_length=512,
        history_turns=5,
    )


def builder_for(profile: ModelProfile, tokenizer: str) -> ExampleBuilder:
    """An example builder with this ``tokenizer.json``."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / TOKENIZER_FILE).write_text(tokenizer, encoding="utf-8")
        return ExampleBuilder(profile, PromptTokenizer(Path(folder)))


def load_data(settings: TrainBaseSettings, builder: ExampleBuilder) -> Data:
    """Read all files. CorpusError names a line that does not parse."""
    dev = list(read("meld", settings.dev_file))
    main = list(builder.examples(read("meld", settings.train_file)))
    corpora = [FurtherCorpus.parse(text) for text in settings.also]
    further = [drawn(load_further(one, builder, dev), one.share, settings.seed) for one in corpora]
    log.info("data_read", main=len(main), further=[len(one) for one in further], dev_conversations=len(dev))
    return Data(Mixture(main, further, settings.epochs, settings.seed), list(builder.examples(dev)))


def train_base(settings: TrainBaseSettings) -> Fitted:
    """Make the model and write its folder; the epoch whose averaged weights do best on the development data wins."""
    tokenizer = tokenizer_text()
    profile = base_profile(settings.model_name)
    builder = builder_for(profile, tokenizer)
    data = load_data(settings, builder)
    profile = profile.model_copy(update={"taxonomies": data.mixture.taxonomies})
    training = BaseTraining(settings, warm_start(), builder.roles, data)
    for result in training.run():
        log.info("epoch_done", weighted_f1=round(result.weighted_f1, 4), accuracy=round(result.accuracy, 4))
    write_model(settings.model_folder, training.model.config, training.best(), profile, tokenizer)
    served = OPTForCausalLM.from_pretrained(settings.model_folder, dtype=computed_in(torch.device("cpu")))
    fitted = fit(served, builder.roles, profile, data.dev)
    write_profile(settings.model_folder, fitted.profile)
    return fitted
