"""`sentistream trainer watch` and `sentistream trainer shadow`; the group in `commands/trainer.py` adds them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import structlog
from pydantic_settings import BaseSettings

from prompts.errors import PromptError
from prompts.settings import PromptSettings, ServedBuilders
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from sentistream.options import environment_name, load, settings_options
from sentistream.refresher import Refresher
from sentistream.shutdown import stop_requests
from sentistream.trainer_health import trainer_health
from trainer.errors import StoppedError, TrainerError
from trainer.exit_codes import ExitCode
from trainer.feedback.people import Machines
from trainer.feedback.settings import FeedbackSettings
from trainer.refresh_settings import CLASSES
from trainer.registry.settings import RegistrySettings
from trainer.settings import ServingSettings
from trainer.watch.settings import ShadowSettings, WatchSettings

log = structlog.get_logger()

_SHADOW = (ShadowSettings, RegistrySettings, ServingSettings, PromptSettings, KafkaSettings, TopicNames)


@click.command(name="watch")
@settings_options(WatchSettings, *CLASSES)
def watch(**given: Any) -> None:
    """Follow events and labels: roll back a release that people correct more often, and warn of drift.

    Until SIGTERM or Ctrl-C. One is enough for a deployment; a second one would come to the same decisions. With
    TRAINER_DRIFT_REFRESH an alarm starts a `sentistream trainer run`, whose settings this command takes too. /healthz
    and /metrics are on TRAINER_WATCH_PORT.
    """
    settings = load(WatchSettings, given)
    with exit_status(), stop_requests(on_second=lambda: None) as asked:
        from trainer.registry.store import Registry
        from trainer.releases import Releases
        from trainer.watch.service import Watch

        kafka, names = load(KafkaSettings, given), load(TopicNames, given)
        model = ServedBuilders(load(PromptSettings, given)).profile.name
        registry = Registry(load(RegistrySettings, given).registry_address)
        machines = Machines([model, *load(FeedbackSettings, given).trainer_not_people])
        refresher = Refresher(_environment(given, CLASSES))
        watching = Watch(
            kafka,
            names,
            model,
            Releases(kafka, names.releases, registry),
            settings,
            refresh=refresher.start,
            is_person=lambda name: not machines.has(name),
        )
        port = settings.watch_port
        with trainer_health("TRAINER_WATCH_PORT", settings.watch_host, port, lambda: watching.turned_at):
            try:
                watching.run(lambda: asked.is_set() or refresher.poll())
            finally:
                refresher.stop()


@click.command(name="shadow")
@click.option("--adapter", required=True, metavar="V|base", help="A version of the registry; base: none.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("shadow"),
    show_default=True,
    help="Folder of shadow.json, shadow.md and shadow.jsonl.",
)
@settings_options(*_SHADOW)
def shadow(*, adapter: str, out: Path, **given: Any) -> None:
    """Ask a version beside the live one, on live messages from now on, and write a report; nothing else changes."""
    settings = load(ShadowSettings, given)
    with exit_status(), stop_requests(on_second=lambda: None) as asked:
        from trainer.gate.answers import Serving
        from trainer.registry.store import Registry
        from trainer.watch.adapters import ready
        from trainer.watch.shadow import ShadowOptions
        from trainer.watch.shadow import shadow as compare

        def stop() -> None:
            if asked.is_set():
                raise StoppedError("stopped before the shadow was over: nothing was written")

        serving = load(ServingSettings, given)
        builders = ServedBuilders(load(PromptSettings, given))
        registry = Registry(load(RegistrySettings, given).registry_address)
        version = None if adapter == "base" else adapter
        with ready(builders, registry, version, Serving(serving.sanm_policy, serving.sanm_rounds)) as candidate:
            report = compare(
                load(KafkaSettings, given),
                load(TopicNames, given),
                builders.of,
                candidate,
                ShadowOptions(settings.shadow_messages or sys.maxsize, settings.shadow_seconds, settings.shadow_share),
                out,
                stop,
            )
        click.echo(report.markdown())


@contextmanager
def exit_status() -> Iterator[None]:
    """What went wrong in one line, and the status that says what kind it was."""
    try:
        yield
    except (TrainerError, PromptError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code if isinstance(error, TrainerError) else ExitCode.MISCONFIGURED)


def _environment(given: dict[str, Any], classes: tuple[type[BaseSettings], ...]) -> dict[str, str]:
    """The options that were given, as the variables that they stand for."""
    return {
        environment_name(one, name): str(given[name])
        for one in classes
        for name in one.model_fields
        if given.get(name) is not None
    }
