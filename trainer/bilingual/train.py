"""Making the bilingual model: corpora, vocabulary, warm start, training, and the folder that vLLM loads."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from tokenizers import Tokenizer

from prompts.profile import TOKENIZER_FILE, ModelProfile
from prompts.template import load_template
from prompts.tokenizer import PromptTokenizer
from schemas.taxonomy import load_taxonomy
from trainer.bilingual.conversations import Segmenter
from trainer.bilingual.development import write_development
from trainer.bilingual.e5_file import E5File
from trainer.bilingual.figures import Figures
from trainer.bilingual.fitting import fit_folder
from trainer.bilingual.material import load_material
from trainer.bilingual.recipe import BilingualRecipe
from trainer.bilingual.settings import TrainBilingualSettings
from trainer.bilingual.sources import Sources, load_sources
from trainer.bilingual.tokenizer import SEPARATOR, START
from trainer.bilingual.training import BilingualTraining
from trainer.bilingual.vocabulary import Vocabulary, trim
from trainer.bilingual.warm_start import warm_start
from trainer.model_folder import write_model
from trainer.warm_start import encoder_folder

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


def english_words() -> list[str]:
    """Common English words, as MiniLM's vocabulary has them, as they stand and capitalised."""
    vocabulary = Tokenizer.from_file(str(encoder_folder() / "tokenizer.json")).get_vocab()
    words = sorted(one for one in vocabulary if one.isascii() and one.isalpha() and len(one) > 1)
    return [*words, *map(str.capitalize, words)]


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


def prepare(recipe: BilingualRecipe, data: Path, encoder: E5File) -> Prepared:
    """Read the corpora, and make the vocabulary that they need."""
    sources = load_sources(recipe, data)
    words = [text for one in _LANGUAGES for text in load_template(recipe.template, one).model_dump().values() if text]
    vocabulary = trim(encoder, [*sources.texts(), *map(str, words)], recipe.han_pieces, english_words())
    found = (one.taxonomy for _, conversations in sources.train for one in conversations)
    taxonomies = tuple(dict.fromkeys(name for name in found if name is not None))
    for name in taxonomies:
        load_taxonomy(name)
    profile = base_profile(recipe, taxonomies, encoder.shape.positions)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / TOKENIZER_FILE).write_text(vocabulary.tokenizer.to_str(), encoding="utf-8")
        tokenizer = PromptTokenizer(Path(folder))
    log.info("vocabulary_trimmed", tokens=len(vocabulary.sources))
    return Prepared(sources, vocabulary, profile, Segmenter(profile, tokenizer))


def train_bilingual(settings: TrainBilingualSettings, encoder: E5File | None = None) -> dict[str, Figures]:
    """Make the model and write its folder; the figures are the averaged weights' after the last epoch."""
    recipe = BilingualRecipe.load(settings.recipe)
    encoder = E5File.open() if encoder is None else encoder
    prepared = prepare(recipe, settings.data, encoder)
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
