"""`sentistream evaluate`: how good a model's labels are on a labelled file, without Kafka."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click
import orjson

from prompts.errors import PromptError
from schemas.event import Policy
from sentistream.errors import SentistreamError
from sentistream.evaluation.subject import EvaluateSettings
from sentistream.options import load, settings_options
from sentistream.system import INTERRUPTED
from trainer.corpora import READERS, format_name
from trainer.errors import CorpusError, TrainerError, UnknownFormatError
from worker.engines.contract import EngineError

if TYPE_CHECKING:  # it imports torch
    from sentistream.evaluation.run import Job

POLICIES: Final = get_args(Policy)


def _format(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A reader's name, however it is written: CH-SIMS, Twitter-2015, json_lines."""
    try:
        return format_name(value)
    except UnknownFormatError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.command(name="evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "corpus_format",
    callback=_format,
    metavar=f"[{'|'.join(sorted(READERS))}]",
    default="jsonl",
    show_default=True,
)
@click.option(
    "--policy",
    "policies",
    type=click.Choice(POLICIES),
    multiple=True,
    default=("one-pass",),
    show_default="one-pass",
    help="How answers are negotiated; given several times, they stand side by side.",
)
@click.option("--split", help="Only these conversations, where FILE holds several splits (CH-SIMS, IEMOCAP's pickle).")
@click.option("--first", type=click.IntRange(min=1), help="Only so many labelled messages.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the figures there, flat; - for standard output.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="Write a Markdown report there, with pictures beside it."
)
@click.option(
    "--baseline-train",
    metavar="[FORMAT:]PATH",
    multiple=True,
    help="A training file, of the same format if none is named; several may be given. TF-IDF with logistic regression "
    "learns from it, to be compared with, but not from conversations of FILE that it holds.",
)
@settings_options(EvaluateSettings)
def command(
    *,
    file: Path,
    corpus_format: str,
    policies: tuple[Policy, ...],
    split: str | None,
    first: int | None,
    json_file: Path | None,
    report: Path | None,
    baseline_train: tuple[str, ...],
    **given: Any,
) -> None:
    """Label FILE and compare with its labels: accuracy, F1, calibration, flips, outliers, cost.

    A run that was stopped goes on when it is started again with the same options.
    """
    settings = load(EvaluateSettings, given)
    # torch and transformers take a while to import: the help shall not wait for them.
    from sentistream.evaluation.run import Job, as_json, evaluate
    from sentistream.evaluation.table import print_table
    from trainer.evaluation.report import write_report
    from trainer.evaluation.taught import TrainingFile

    train = tuple(TrainingFile.parse(one, corpus_format) for one in baseline_train)
    job = Job(file, corpus_format, tuple(dict.fromkeys(policies)), split, first, train)
    try:
        found = evaluate(job, settings)
    except KeyboardInterrupt:
        click.echo("Stopped. What was answered is kept: the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    except EngineError as error:
        raise SentistreamError(f"{error}. What was answered is kept: the same command goes on") from error
    except CorpusError as error:
        hint = f"; it was read as {corpus_format}: --format names another" if error.path == file else ""
        raise SentistreamError(f"{error}{hint}") from error
    except (TrainerError, PromptError, OSError) as error:
        raise SentistreamError(str(error)) from error
    figures = as_json(found) | {"file": file.name, "command": _words(job, settings)}
    content = orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode()
    if json_file is not None and str(json_file) != "-":
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(content + "\n", encoding="utf-8")
    if report is not None:
        title = f"{found.subject.engine.model} on {file.name} ({corpus_format})"
        write_report(report, title, found.material, found.policies, found.baselines)
    if str(json_file) == "-":
        click.echo(content)
    else:
        print_table(found)


def _words(job: "Job", settings: EvaluateSettings) -> str:
    """The command that makes these figures again, without the paths of this machine."""
    words = ["sentistream", "evaluate", job.file.name, "--format", job.corpus_format]
    words += [word for policy in job.policies for word in ("--policy", policy)]
    asked = {"split": job.split, "first": job.first}
    # Another model may ship one day: the command names its own.
    asked |= {name: getattr(settings, name) for name in ("model", "adapter", "engine", "mode", "rounds")}
    usual = {name: field.default for name, field in EvaluateSettings.model_fields.items() if name != "model"}
    for name, value in asked.items():
        if value is not None and value != usual.get(name):
            words += [f"--{name}", Path(str(value)).name if name in {"model", "adapter"} else str(value)]
    for one in job.baseline_train:
        before = "" if one.format == job.corpus_format else f"{one.format}:"
        words += ["--baseline-train", before + one.path.name]
    return shlex.join(words)
