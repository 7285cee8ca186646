"""`sentistream ablate`: what each part of the method is worth, one table for each question."""

import sys
from typing import Any

import click

from prompts.errors import PromptError
from sentistream.ablation.settings import AblateSettings
from sentistream.errors import SentistreamError
from sentistream.options import load, settings_options
from sentistream.system import INTERRUPTED
from trainer.errors import TrainerError
from worker.engines.contract import EngineError


@click.command(name="ablate")
@settings_options(AblateSettings)
def command(**given: Any) -> None:
    """Ask the model with parts of the method left out or changed, on development files.

    Tables that need it train small adapters first. Each cell is a JSON file; what is there is not made again, and a run
    that was stopped goes on when it is started again with the same options.
    """
    settings = load(AblateSettings, given)
    # torch and transformers take a while to import: the help shall not wait for them.
    from sentistream.ablation.run import ablate
    from trainer.ablation.markdown import tables

    try:
        left_out = ablate(settings)
    except KeyboardInterrupt:
        click.echo("Stopped. What was done is kept: the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    except EngineError as error:
        raise SentistreamError(f"{error}. What was done is kept: the same command goes on") from error
    except (TrainerError, PromptError, OSError) as error:
        raise SentistreamError(str(error)) from error
    text = tables(settings.out)
    settings.out.mkdir(parents=True, exist_ok=True)  # every cell may be left out
    (settings.out / "tables.md").write_text(text, encoding="utf-8")
    click.echo(text)
    for one in left_out:
        click.echo(f"left out: {one}", err=True)
