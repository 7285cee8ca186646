"""`sentistream loop-demo`: labels in, a better adapter out, on a platform from another domain."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.status import Status

from prompts.profile import ModelProfile, find_model
from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from sentistream.loop_demo.base import untaught
from sentistream.loop_demo.settings import LoopDemoSettings
from sentistream.options import load, settings_options
from sentistream.publisher import Publisher
from sentistream.start_progress import StartProgress, quiet_unless_asked, style_for
from sentistream.system import INTERRUPTED, System, SystemSettings, until_interrupted
from sentistream.watcher import Watcher

#: The worker and the trainer share the machine: one thread each.
_ONE_THREAD: Final = {"VLLM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@click.command(name="loop-demo")
@settings_options(LoopDemoSettings, KafkaSettings, RedisSettings, TopicNames, SystemSettings)
def command(**given: Any) -> None:
    """Start everything, let people label messages of EmoContext, train, release, and show what that brings.

    EmoContext's training file is streamed as conversations. After 500, 1,000 and 2,000 labelled messages
    `sentistream trainer run` makes a candidate, the gate decides, and the worker swaps while messages go on flowing.
    The model that ships has been taught EmoContext; so one of MELD is trained first, unless MODEL names one
    that does not know it. The table and the plot go to LOOP_OUT. Exit status 1 if an event is lost, doubled or
    without its version.
    """
    quiet_unless_asked()
    for name, value in _ONE_THREAD.items():
        os.environ.setdefault(name, value)
    settings, system_settings = load(LoopDemoSettings, given), load(SystemSettings, given)
    out = settings.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("ADAPTERS_CACHE", str(out / "worker-adapters"))
    system_settings = system_settings.model_copy(update={"model": untaught(system_settings.model, settings)})
    # Topics and groups of its own, so that a killed run's labels and members are no bother.
    run = f"loop-{secrets.token_hex(3)}"
    given = {**given, "topic_prefix": given.get("topic_prefix") or f"{run}."}
    if not system_settings.attach:
        groups = {"streams_group": f"{run}-streams", "worker_group": f"{run}-worker"}
        system_settings = system_settings.model_copy(update=groups)
    system = System(system_settings, given, taxonomy="meld", progress=StartProgress(style_for(as_json=False)))
    with until_interrupted(system) as asked:
        # torch takes a while to import.
        from sentistream.loop_demo.measure import Yardstick
        from sentistream.loop_demo.platform import conversations
        from sentistream.loop_demo.report import markdown
        from sentistream.loop_demo.run import LoopDemo, Stage, StoppedByUserError
        from sentistream.loop_demo.traffic import Traffic
        from trainer.gate.answers import Serving
        from trainer.registry.store import Registry

        stage = Stage(
            settings=settings.model_copy(update={"out": out}),
            system=system,
            registry=Registry(str(out / "registry")),
            variables={**system.addresses, **_trainer_variables(settings, system_settings, out)},
            model=ModelProfile.read(find_model(system_settings.model)).name,
            showing=_showing,
            asked=asked,
        )
        talk = conversations(settings.emocontext_train, run, settings.seed)
        yardstick = Yardstick(system_settings.model, settings, Serving(system_settings.policy))
        publisher = Publisher(system.kafka, system.names.messages)
        with (
            Watcher(system.kafka, system.names, system.facts.topic_id) as watcher,
            Traffic(talk, publisher, watcher, settings.rate) as traffic,
        ):
            try:
                rows, check = LoopDemo(stage, traffic, talk, yardstick).run()
            except StoppedByUserError:
                click.echo("stopping ...", err=True)
                sys.exit(INTERRUPTED)
        click.echo(f"\n{markdown(rows, check)}\n{out}/loop-demo.md, loop-demo.png, loop-demo.json")
    sys.exit(0 if check.passed else 1)


def _trainer_variables(settings: LoopDemoSettings, system: SystemSettings, out: Path) -> dict[str, str]:
    return {
        "MODEL": system.model,
        "SANM_POLICY": system.policy,
        "TAXONOMY": "meld",
        "TRAINER_FOLDER": str(out / "trainer"),
        "TRAINER_REGISTRY": str(out / "registry"),
        "TRAINER_RECIPE": settings.recipe,
        "TRAINER_CORPORA": f"meld:{settings.meld_share:.4f}:{settings.meld_train.absolute()}",
        "TRAINER_GUARDS": f"meld:{settings.meld_dev.absolute()}",
        "LOG_FORMAT": "console",
    }


@contextmanager
def _showing(what: str) -> Iterator[Callable[[str], None]]:
    """A spinner with how far it is on a terminal, a line elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        click.echo(what, err=True)
        yield lambda _: None
        return
    with Status(what, console=console) as status:
        yield lambda more: status.update(f"{what}: {more}")
    console.print(f"  done  {what}", highlight=False)
