"""`sentistream train-bilingual`: make the model for English and Chinese, from bge-small-en-v1.5 and a recipe."""

from typing import Any

import click
import orjson

from sentistream.errors import SentistreamError
from sentistream.options import load, settings_options
from trainer.bilingual.settings import TrainBilingualSettings
from trainer.errors import TrainerError


@click.command(name="train-bilingual")
@settings_options(TrainBilingualSettings)
def command(**given: Any) -> None:
    """Train the bilingual model by a recipe, fit how far it can be trusted, and write its folder.

    A run that was stopped goes on from its last checkpoint when it is started again with the same options.
    """
    settings = load(TrainBilingualSettings, given)
    # torch and transformers take a while to import: the help shall not wait for them.
    from trainer.bilingual.train import train_bilingual

    try:
        figures = train_bilingual(settings)
    except (TrainerError, OSError) as error:
        raise SentistreamError(str(error)) from error
    shown = {"model": str(settings.model_folder), "dev": {name: one.rounded() for name, one in figures.items()}}
    click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
