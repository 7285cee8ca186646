"""`sentistream replay`: publish a file of conversations, wait for every event, and say how it went."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from sentistream.errors import SentistreamError
from sentistream.options import load, settings_options
from sentistream.playback import Pace, Playback
from sentistream.publisher import Publisher
from sentistream.report import RunReport, run_report
from sentistream.script import Corpus, read_corpus
from sentistream.start_progress import StartProgress, quiet_unless_asked, style_for
from sentistream.system import INTERRUPTED, System, SystemSettings, until_interrupted
from sentistream.watcher import Watcher

FORMATS = ("jsonl", "meld", "emorynlp", "cped", "dailydialog", "emocontext", "goemotions")


class ReplaySettings(BaseSettings):
    """How to publish, and what to write."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    rate: float | None = Field(
        default=None, gt=0, validation_alias="REPLAY_RATE", description="Messages a second; left out: all at once."
    )
    limit: int | None = Field(
        default=None, ge=1, validation_alias="REPLAY_LIMIT", description="Publish only the first so many messages."
    )
    report: Path | None = Field(
        default=None, validation_alias="REPLAY_REPORT", description="Write the figures to this file, as JSON."
    )
    taxonomy: str | None = Field(
        default=None, description="Label set of the run; left out: the file's, if the model knows it, else the model's."
    )
    stall_s: float = Field(
        default=120.0,
        gt=0,
        validation_alias="REPLAY_STALL_S",
        description="Without any event for so long, give up what is missing.",
    )


@click.command(name="replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "corpus_format",
    type=click.Choice(FORMATS),
    default="jsonl",
    show_default=True,
    envvar="REPLAY_FORMAT",
    show_envvar=True,
    help="jsonl: a message a line with conversation_id, speaker, text, and optionally language, scene, label, "
    "taxonomy. The others are the corpora's own files.",
)
@settings_options(ReplaySettings, KafkaSettings, RedisSettings, TopicNames, SystemSettings)
def command(*, file: Path, corpus_format: str, **given: Any) -> None:
    """Publish the conversations of FILE, wait for every event, and sum up; exit 1 if a fate is missing or doubled.

    Kafka, Redis, the stream and the worker are started for it, or found with --attach. Where FILE has labels of the
    taxonomy that the run uses, the figures say how often the events agree.

    \b
    sentistream replay chats.jsonl
    sentistream replay dev_sent_emo.csv --format meld --policy paper --report paper.json
    sentistream replay chats.jsonl --rate 50 --engine scripted
    KAFKA_BOOTSTRAP_SERVERS=broker:9092 sentistream replay chats.jsonl --attach
    """  # noqa: D301 - \b keeps the lines apart
    quiet_unless_asked()
    settings, system_settings = load(ReplaySettings, given), load(SystemSettings, given)
    if settings.report is not None:
        _refuse_unwritable(settings.report)
    corpus = read_corpus(file, corpus_format, system_settings.model, settings.taxonomy)
    lines = list(islice(corpus.lines, settings.limit))
    if not lines:
        raise SentistreamError(f"{file}: no messages in it (format {corpus_format})")
    click.echo(_about_labels(corpus), err=True)
    progress = StartProgress(style_for(as_json=False))
    system = System(system_settings, given, taxonomy=corpus.run_taxonomy, progress=progress)
    with until_interrupted(system) as asked, Watcher(system.kafka, system.names, system.facts.topic_id) as watcher:
        run = f"replay-{secrets.token_hex(4)}"
        playback = Playback(Publisher(system.kafka, system.names.messages), watcher, run, asked, system.check)
        with _bar(len(lines)) as advance:
            for _ in playback.play(lines, Pace(rate=settings.rate, stall_s=settings.stall_s)):
                advance()
        report = run_report(playback.ledger, playback.lines, playback.wall_s, corpus.scored_labels)
        finish(report, settings.report)
    sys.exit(INTERRUPTED if playback.interrupted else int(report.missing > 0 or report.duplicates > 0))


def finish(report: RunReport, file: Path | None) -> None:
    """Print the figures, and write them where they were asked for."""
    found = report.to_json()
    labels = found.pop("per_label", None)
    for name, value in found.items():
        click.echo(f"{name:>16}  {_shown(value)}")
    if isinstance(labels, dict):
        for name, one in labels.items():
            click.echo(
                f"{name:>16}  F1 {one['f1']:.3f}  precision {one['precision']:.3f}  recall {one['recall']:.3f}"
                f"  support {one['support']}"
            )
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2) + b"\n")
        click.echo(f"written to {file}", err=True)


def _refuse_unwritable(report: Path) -> None:
    """Before the run: its figures would be lost."""
    found = next(one for one in (report.absolute(), *report.absolute().parents) if one.exists())
    fits = found.is_dir() if found != report.absolute() else not found.is_dir()
    if not (fits and os.access(found, os.W_OK)):
        raise SentistreamError(f"--report {report} (REPLAY_REPORT): no file can be written there")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {one}" for name, one in value.items())
    return "-" if value is None else str(value)


def _about_labels(corpus: Corpus) -> str:
    run = corpus.run_taxonomy
    if corpus.taxonomy is None:
        return f"labels: the file has none; the run uses those of {run}"
    if corpus.scored_labels:
        return f"labels: the run uses the file's taxonomy {corpus.taxonomy}, and the events are compared with it"
    return (
        f"labels: the file's taxonomy {corpus.taxonomy} is not the run's ({run}), and labels of two taxonomies do not "
        "mean the same: nothing is said about agreement"
    )


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    """A bar on a terminal, nothing elsewhere; yields what moves it on."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("events", total=total)
        yield lambda: progress.advance(task)
