"""Making the bilingual model: corpora, vocabulary, warm start, training, and the folder that vLLM loads."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from prompts.profile import ModelProfile
from prompts.tokenizer import PromptTokenizer
from schemas.taxonomy import load_taxonomy
from trainer.bilingual.conversations import Segmenter
from trainer.bilingual.development import write_development
from trainer.bilingual.english_encoder import EnglishEncoder
from trainer.bilingual.figures import Figures
from trainer.bilingual.fitting import fit_folder
from trainer.bilingual.material import load_material
from trainer.bilingual.recipe import BilingualRecipe
from trainer.bilingual.settings import TrainBilingualSettings
from trainer.bilingual.sources import Sources, load_sources
from trainer.bilingual.tokenizer import SEPARATOR, START
from trainer.bilingual.training import BilingualTraining
from trainer.bilingual.vocabulary import Vocabulary, kept_vocabulary
from trainer.bilingual.warm_start import warm_start
from trainer.model_folder import write_model

log = structlog.get_logger()

FIGURES_FILE: Final = "figures.jsonl"
_LANGUAGES: Final = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run begins with."""

    sources: Sources
    vocabulary: Vocabulary
    profile: ModelProfile
    segmenter: Segmenter


def base_profile(recipe: BilingualRecipe, taxonomies: tuple[str, ...], positions: int) -> ModelProfile:
    """How the model is asked, before temperatures and thresholds are fitted."""
    return ModelProfile(
        name=recipe.name,
        template=recipe.template,
        start=START,
        separator=SEPARATOR,
        parts=("I", "H", "L"),
        languages=_LANGUAGES,
        taxonomies=taxonomies,
        token_budget=recipe.token_budget,
        context_length=positions,
        history_turns=recipe.history_turns,
    )


def prepare(recipe: BilingualRecipe, data: Path, work_folder: Path, encoder: EnglishEncoder) -> Prepared:
    """Read the corpora, and make the vocabulary that they need, or take the one that a run before has made."""
    sources = load_sources(recipe, data)
    folder = kept_vocabulary(encoder, sources.texts(), recipe.han_words, work_folder)
    vocabulary = Vocabulary.read(folder)
    found = (one.taxonomy for _, conversations in sources.train for one in conversations)
    taxonomies = tuple(dict.fromkeys(name for name in found if name is not None))
    for name in taxonomies:
        load_taxonomy(name)
    positions = len(encoder.weights["embeddings.position_embeddings.weight"])
    log.info("vocabulary_ready", tokens=len(vocabulary.rows))
    segmenter = Segmenter(profile := base_profile(recipe, taxonomies, positions), PromptTokenizer(folder))
    return Prepared(sources, vocabulary, profile, segmenter)


def train_bilingual(settings: TrainBilingualSettings) -> dict[str, Figures]:
    """Make the model and write its folder; the figures are the averaged weights' after the last epoch."""
    recipe = BilingualRecipe.load(settings.recipe)
    encoder = EnglishEncoder.open(settings.encoder)
    prepared = prepare(recipe, settings.data, settings.work_folder, encoder)
    material = load_material(recipe, prepared.sources, prepared.segmenter)
    write_development(settings.work_folder / "development", prepared.sources.development)
    log.info("data_ready", labels=len(material.examples), development=len(material.development))
    model = warm_start(encoder, prepared.vocabulary, recipe.layers)
    training = BilingualTraining(recipe, settings, model, prepared.segmenter.roles, material)
    figures: dict[str, Figures] = {}
    for figures in training.run():
        _note(settings.work_folder, figures)
    write_model(
        settings.model_folder,
        model.config,
        training.averaged(),
        prepared.profile,
        prepared.vocabulary.tokenizer.to_str(),
    )
    fit_folder(settings.model_folder, prepared.sources.development, recipe.figures)
    return figures


def _note(folder: Path, figures: dict[str, Figures]) -> None:
    """A line for each epoch."""
    shown = {name: one.rounded() for name, one in figures.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FIGURES_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(shown) + "\n")
    log.info("epoch_done", **{name: round(100 * one.figure, 2) for name, one in figures.items()})
