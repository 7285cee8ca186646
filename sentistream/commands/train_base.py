"""`sentistream train-base`: make the model that ships, from MiniLM's weights and a labelled corpus."""

import dataclasses
from typing import Any

import click
import orjson

from sentistream.errors import SentistreamError
from sentistream.options import load, settings_options
from trainer.errors import TrainerError
from trainer.settings import TrainBaseSettings


@click.command(name="train-base")
@settings_options(TrainBaseSettings)
def command(**given: Any) -> None:
    """Train the base model, fit its temperature and threshold, and write its folder.

    A run that was stopped goes on from its last checkpoint when it is started again with the same options.
    """
    settings = load(TrainBaseSettings, given)
    # torch and transformers take a while to import: the help shall not wait for them.
    from trainer.train_base import train_base

    try:
        fitted = train_base(settings)
    except (TrainerError, OSError) as error:
        raise SentistreamError(str(error)) from error
    shown = {
        "model": str(settings.model_folder),
        "profile": fitted.profile.model_dump(),
        "dev": dataclasses.asdict(fitted.dev),
    }
    click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
