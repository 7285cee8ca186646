"""`sentistream trainer`: people's labels into a better adapter, once or on a schedule."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console

from prompts.errors import PromptError
from prompts.settings import PromptSettings, ServedBuilders
from prompts.windows import key_of
from schemas.connections import RedisSettings
from schemas.topics import TopicNames
from sentistream.options import environment_name, load, settings_options
from sentistream.refresh_process import RefreshProcess
from sentistream.shutdown import stop_requests
from sentistream.trainer_health import trainer_health
from sentistream.trainer_watch import shadow, watch
from trainer.errors import TrainerError
from trainer.exit_codes import ExitCode
from trainer.outcome import Outcome
from trainer.refresh_settings import CLASSES, RefreshSettings
from trainer.schedule import Schedule, Scheduler
from trainer.settings import ServeSettings, TrainerSettings


@click.group(name="trainer")
def command() -> None:
    """Learn from the labels that people gave: train a candidate, compare it, and release it if it is no worse."""


command.add_command(watch)
command.add_command(shadow)


@command.command(name="run")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
@click.option("--force", is_flag=True, help="Train though there is nothing new.")
@settings_options(*CLASSES)
def run(*, as_json: bool, force: bool, **given: Any) -> None:
    """One refresh of MODEL's adapter: read the labels, train, compare with the live adapter, publish, release.

    A run that was killed or stopped is gone on with by the next one, from its last checkpoint, unless the model, the
    recipe, the settings or the live adapter changed meanwhile. Only one at a time works on a model.

    \b
    Exit status
      0    released; or not, for a reason: nothing new, the gate said no, another version went live meanwhile
      65   the data on the topics cannot be trained on
      69   Kafka or Redis does not answer; trying again may help
      70   training or the comparison failed; the next run goes on from the last checkpoint
      73   the registry or TRAINER_FOLDER does not take what it is given
      75   another run works on this model, or this one lost its lock: try again later
      78   settings, recipe or model folder do not fit; 2 where an option itself is wrong
      143  stopped by SIGTERM or Ctrl-C
      1    a fault in the trainer itself
    """  # noqa: D301 - \b keeps the lines apart
    settings = {one: load(one, given) for one in CLASSES}
    with _exit_status(), stop_requests(on_second=lambda: None) as asked:
        # torch and transformers take a while to import: the help shall not wait for them.
        from trainer.refresh_run import refresh

        chosen = RefreshSettings.of(settings)
        outcome = refresh(chosen, stop=asked, showing=_showing, force=force)
        click.echo(outcome.model_dump_json() if as_json else _in_words(outcome))


@command.command(name="serve")
@settings_options(ServeSettings, *CLASSES)
def serve(**given: Any) -> None:
    """A refresh at the times of TRAINER_CRON, until SIGTERM or Ctrl-C.

    Each is a `sentistream trainer run` in a process of its own. One that fails is logged and counted, and the next
    time comes all the same; a time at which one is still running is skipped, and one that takes longer than
    TRAINER_RUN_SECONDS is ended. /healthz and /metrics are on
    TRAINER_METRICS_PORT.
    """
    settings = load(ServeSettings, given)
    for one in CLASSES:
        load(one, given)
    environment = _environment(given)
    with _exit_status(), stop_requests(on_second=lambda: None) as asked:
        scheduler = Scheduler(
            Schedule(settings.cron, settings.timezone),
            lambda: RefreshProcess.start(environment, settings.stop_seconds, longest_s=settings.run_seconds),
        )
        with trainer_health(
            "TRAINER_METRICS_PORT", settings.metrics_host, settings.metrics_port, lambda: scheduler.turned_at
        ):
            scheduler.run(asked)


@command.command(name="forget")
@click.argument("conversation")
@click.option("--tenant", default="default", show_default=True, help="Whose conversation it is.")
@settings_options(TrainerSettings, PromptSettings, RedisSettings, TopicNames)
def forget_conversation(*, conversation: str, tenant: str, **given: Any) -> None:
    """Remove CONVERSATION from what the trainer keeps, and learn nothing of it from now on.

    Its messages go from the archive of labelled messages and from the folders of runs; a run that is unfinished and
    has seen it starts clean. What stands on the topics goes by their retention, and is not taken in again. An adapter
    that has learnt from it is replaced by the next release. Exit status as of `run`.
    """
    trainer = load(TrainerSettings, given)
    with _exit_status():
        from trainer.forget import forget

        builders = ServedBuilders(load(PromptSettings, given))
        found = forget(
            trainer.folder.expanduser(),
            builders.profile.name,
            key_of(tenant, conversation),
            load(RedisSettings, given),
            load(TopicNames, given).topic_prefix,
        )
        click.echo(f"forgotten: {found.archived} messages in the archive, {found.in_runs} in the folders of runs")


@contextmanager
def _exit_status() -> Iterator[None]:
    """What went wrong in one line, and the status that says what kind it was."""
    try:
        yield
    except PromptError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.MISCONFIGURED)
    except TrainerError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


@contextmanager
def _showing(what: str) -> Iterator[None]:
    """A step, for a person at a terminal; the log has it too."""
    console = Console(stderr=True)
    if console.is_terminal:
        console.print(f"[bold]{what}[/bold]", highlight=False)
    yield


def _environment(given: dict[str, Any]) -> dict[str, str]:
    """The options that were given, as the variables that they stand for."""
    return {
        environment_name(one, name): str(given[name])
        for one in CLASSES
        for name in one.model_fields
        if given.get(name) is not None
    }


def _in_words(outcome: Outcome) -> str:
    said = {"nothing_new": "nothing to do", "released": "released"}.get(outcome.status, "not released")
    lines = [f"{said}: {outcome.reason}"]
    if outcome.version is not None:
        lines.append(f"  {'version':<12}{outcome.version}")
        lines.append(f"  {'before':<12}{outcome.parent or 'the base model'}")
        lines.append(f"  {'messages':<12}{outcome.labelled}")
    if outcome.agreement is not None:
        lines.append(f"  {'agreement':<12}{outcome.agreement:.2f} (Krippendorff's alpha)")
    if outcome.report is not None:
        lines.append(f"  {'report':<12}{outcome.report}")
    return "\n".join(lines)
