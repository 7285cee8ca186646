"""`sentistream evaluate`: how good a model's labels are on a labelled file, without Kafka."""

import dataclasses
from pathlib import Path

import click
import orjson

from prompts.errors import PromptError
from prompts.profile import find_model
from sentistream.errors import SentistreamError
from trainer.corpora import READERS
from trainer.errors import TrainerError


@click.command(name="evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "corpus_format", type=click.Choice(sorted(READERS)), default="jsonl", show_default=True)
@click.option(
    "--model", default="sentistream-en-22m", show_default=True, envvar="MODEL", help="A model's folder or name."
)
def command(*, file: Path, corpus_format: str, model: str) -> None:
    """Label FILE by each policy and compare with its labels: agreement, flips, outliers, calibration, as JSON."""
    # torch and transformers take a while to import: the help shall not wait for them.
    from trainer.evaluate import evaluate

    try:
        found = evaluate(find_model(model), corpus_format, file)
    except (TrainerError, PromptError, OSError) as error:
        raise SentistreamError(str(error)) from error
    click.echo(orjson.dumps(dataclasses.asdict(found), option=orjson.OPT_INDENT_2).decode())
