"""`sentistream chat`: type as several people, and see the emotion of each message at once."""

import secrets
import sys
from typing import Any

import click
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.text import Text

from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from sentistream.conversation import Conversation
from sentistream.fates import Fate
from sentistream.options import load, settings_options
from sentistream.publisher import Publisher
from sentistream.start_progress import StartProgress, quiet_unless_asked, style_for
from sentistream.stdin_lines import stdin_lines
from sentistream.system import INTERRUPTED, System, SystemSettings, until_interrupted
from sentistream.watcher import Watcher
from sentistream.wording import in_words

_HELP = """  TEXT            say it
  NAME: TEXT      say it as NAME
  /as NAME        be NAME from now on; an empty line hands over to the next speaker
  /history        all turns so far
  /quit           leave (so does Ctrl-D)"""


class ChatSettings(BaseSettings):
    """Who talks."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    speakers: str = Field(
        default="ana,ben", validation_alias="CHAT_SPEAKERS", description="Names of those who talk, with commas between."
    )
    language: str | None = Field(
        default=None,
        validation_alias="CHAT_LANGUAGE",
        description="Language of all messages, such as en; left out: told from the script.",
    )
    taxonomy: str | None = Field(default=None, description="Label set; left out: the model's usual one.")
    event_deadline_s: float = Field(
        default=60.0, gt=0, validation_alias="CHAT_EVENT_DEADLINE_S", description="How long to wait for one event."
    )


@click.command(name="chat")
@settings_options(ChatSettings, KafkaSettings, RedisSettings, TopicNames, SystemSettings)
def command(**given: Any) -> None:
    """Type as two or more speakers; each message goes the whole way, and its event is shown at once.

    Earlier turns of the conversation count: the same words may get another emotion later. A pipe works too.

    \b
    sentistream chat
    sentistream chat --speakers customer,agent --policy paper
    printf 'ana: you said friday!\\nben: i know, sorry\\n' | sentistream chat
    """  # noqa: D301 - \b keeps the lines apart
    quiet_unless_asked()
    settings, system_settings = load(ChatSettings, given), load(SystemSettings, given)
    speakers = [name.strip() for name in settings.speakers.split(",") if name.strip()]
    if not speakers:
        raise click.UsageError("--speakers (CHAT_SPEAKERS): name at least one")
    progress = StartProgress(style_for(as_json=False))
    system = System(system_settings, given, taxonomy=settings.taxonomy, progress=progress)
    with until_interrupted(system) as asked, Watcher(system.kafka, system.names, system.facts.topic_id) as watcher:
        publisher = Publisher(system.kafka, system.names.messages)
        run = f"chat-{secrets.token_hex(4)}"
        talk = Conversation(run, speakers, publisher, watcher, asked, system.check, settings.language)
        lost = _talk(talk, settings.event_deadline_s)
        click.echo("stopping ...", err=True)
    sys.exit(INTERRUPTED if asked.is_set() else int(lost > 0))


def _talk(talk: Conversation, deadline_s: float) -> int:
    """Until the input ends; the number of messages whose event did not come."""
    console = Console(highlight=False)
    lost = 0
    if sys.stdin.isatty():
        click.echo(f"\n{_HELP}\n")
    for typed in stdin_lines(talk.asked_to_stop.is_set, lambda: _prompt(talk)):
        words = typed.split(maxsplit=1)
        if not words:
            talk.next_speaker()
        elif words[0] in ("/quit", "/exit"):
            break
        elif words[0] == "/history":
            for line, fate in talk.turns:
                _show(console, line.speaker, line.text, fate)
        elif words[0] == "/as" and len(words) > 1:
            talk.become(words[1].strip())
        elif words[0].startswith("/"):
            click.echo(_HELP)
        else:
            text = talk.read(typed)
            fate = talk.say(text, deadline_s)
            lost += fate.seen_at is None
            _show(console, talk.speaker, text, fate)
    return lost


def _prompt(talk: Conversation) -> None:
    if sys.stdin.isatty():
        click.echo(click.style(f"{talk.speaker}> ", bold=True), nl=False)


def _show(console: Console, speaker: str, text: str, fate: Fate) -> None:
    words = in_words(fate)
    shown = Text("  ")
    shown.append(speaker, "bold").append(f": {text}  ").append(words.label, words.colour)
    details = [words.confidence, f"{words.rounds} rounds" if words.rounds else ""]
    if fate.latency_s is not None:
        details.append(f"{fate.latency_s * 1000:.0f} ms")
    shown.append("  " + "  ".join(part for part in details if part), "dim")
    console.print(shown, soft_wrap=True)
