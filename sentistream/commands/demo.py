"""`sentistream demo`: the whole system on this machine, playing conversations that come with it."""

import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from sentistream.console_child import ConsoleChild, ConsoleChoice
from sentistream.demo_view import demo_view
from sentistream.options import load, settings_options
from sentistream.playback import Pace, Playback
from sentistream.publisher import Publisher
from sentistream.report import RunReport, run_report
from sentistream.script import Line, sample
from sentistream.start_progress import StartProgress, Style, quiet_unless_asked, style_for
from sentistream.system import INTERRUPTED, System, SystemSettings, until_interrupted
from sentistream.watcher import Watcher

_NAME = "sentistream"
_HINT_WIDTH = 34


class DemoSettings(BaseSettings):
    """How to play."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    rate: float = Field(default=5.0, gt=0, validation_alias="DEMO_RATE", description="Messages a second.")
    duration: float | None = Field(
        default=None,
        gt=0,
        validation_alias="DEMO_DURATION",
        description="Play for so many seconds, over and over if need be; left out: the whole sample once.",
    )


@click.command(name="demo")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, the summary last.")
@settings_options(DemoSettings, ConsoleChoice, KafkaSettings, RedisSettings, TopicNames, SystemSettings)
def command(*, as_json: bool, **given: Any) -> None:
    """Start everything, play a bundled sample of chats, and show the emotion of each message as it comes.

    The console's link is printed once the first event is there; on a terminal it stays after the last until Ctrl-C.

    The sample is in English and Chinese, with records between that are no messages. Exit status 1 if any message's fate
    is missing or doubled; Ctrl-C stops all.

    \b
    sentistream demo
    sentistream demo --duration 30 --rate 10 --policy paper
    sentistream demo --engine scripted          # no model: shows the plumbing within seconds
    sentistream demo --no-console               # the terminal alone
    """  # noqa: D301 - \b keeps the lines apart
    quiet_unless_asked()
    settings, system_settings = load(DemoSettings, given), load(SystemSettings, given)
    style = style_for(as_json=as_json)
    progress = StartProgress(style)
    system = System(system_settings, given, taxonomy=None, progress=progress)
    with until_interrupted(system) as asked, Watcher(system.kafka, system.names, system.facts.topic_id) as watcher:
        run = f"demo-{secrets.token_hex(4)}"
        playback = Playback(Publisher(system.kafka, system.names.messages), watcher, run, asked, system.check)
        script = sample() if settings.duration is None else _again_and_again(sample())
        first_s: float | None = None
        links: list[str] = []
        tell = links.append if style == "terminal" else _to_stderr
        with_console = load(ConsoleChoice, given).wanted(as_json=as_json)
        with ConsoleChild(system_settings.data, system.console_environment, tell) as console:
            with demo_view(style, links) as view:
                for line, fate in playback.play(script, Pace(rate=settings.rate, duration_s=settings.duration)):
                    first_s = first_s or progress.elapsed_s
                    view.show(line, fate)
                    # After the first event: nothing keeps that waiting.
                    if with_console:
                        console.start()
            report = run_report(playback.ledger, playback.lines, playback.wall_s)
            _summarise(report, system, style, first_s, links, interrupted=playback.interrupted)
            stays = with_console and style == "terminal" and settings.duration is None and not playback.interrupted
            if stays:
                click.echo("\nThe console stays until Ctrl-C.")
                asked.wait()
            click.echo("stopping ...", err=True)
    sys.exit(INTERRUPTED if playback.interrupted else int(report.missing > 0 or report.duplicates > 0))


def _again_and_again(lines: Iterable[Line]) -> Iterator[Line]:
    """Each time as other conversations."""
    kept = list(lines)
    for number in count(1):
        yield from kept if number == 1 else [replace(one, conversation=f"{one.conversation}-{number}") for one in kept]


def _to_stderr(text: str) -> None:
    click.echo(text, err=True)


def _summarise(
    report: RunReport,
    system: System,
    style: Style,
    first_s: float | None,
    links: Sequence[str],
    *,
    interrupted: bool,
) -> None:
    if style == "json":
        summary = {**report.to_json(), "first_event_s": first_s and round(first_s, 1), "interrupted": interrupted}
        click.echo(orjson.dumps({"summary": summary}))
        return
    latency = report.latency_ms
    rows = [
        ("messages", f"{report.messages}"),
        ("events", f"{report.events}"),
        ("dead letters", f"{report.dead_letters}"),
        ("missing", f"{report.missing}{' (still on their way when it was stopped)' if interrupted else ''}"),
        ("doubled", f"{report.duplicates}"),
        ("rate", f"{report.messages_per_s:.1f} messages/s"),
        ("latency", f"p50 {latency.p50:.0f} ms, p99 {latency.p99:.0f} ms" if latency else "-"),
        ("rounds", f"{report.mean_rounds:.2f} on average" if report.mean_rounds else "-"),
        ("outliers", f"{report.outliers}"),
        ("first event", f"{first_s:.1f} s after the command" if first_s else "-"),
    ]
    click.echo("")
    for name, value in rows:
        click.echo(f"  {name:<13}{value}")
    click.echo("\nWhere to look next")
    folder = system.settings.data
    data = "" if folder == type(system.settings).model_fields["data"].default else f" --data {folder}"
    called = _called()
    for what, why in (
        (f"{called} chat", "type yourself, and see each emotion at once"),
        (f"{called} replay FILE", "your own conversations, with figures"),
        (f"{called} dlq list{data}", "what could not be read, and why"),
        (f"{called} up{data}", "the same Kafka and Redis, for services of your own"),
        *((path, "what a service said") for path in system.logs),
    ):
        click.echo(f"  {what:<{_HINT_WIDTH}}  {why}")
    for link in links:
        click.echo(f"\n{link}")


def _called() -> str:
    """Our own command as it can be typed here: `make demo` leaves the environment off the path."""
    if Path(sys.argv[0]).name == _NAME and shutil.which(_NAME) is None:
        return sys.argv[0]
    return _NAME
