"""One conversation that is typed: each message is published, and its event awaited."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sentistream.fates import Fate, Ledger
from sentistream.publisher import Place, Publisher
from sentistream.script import Line
from sentistream.watcher import Watcher

_POLL_S: Final = 0.05
#: ``ana: you said friday`` -- one word, so that a colon in a sentence is left alone.
_SPEAKER: Final = re.compile(r"(\w[\w-]{0,31}):\s+(\S.*)")


@dataclass(slots=True)
class Conversation:
    """What was said so far, and who speaks.

    Attributes:
        run: the conversation's id begins with it.
        speakers: all who have spoken or will, in the order of their first message.
        speaker: whose turn it is.
        turns: lines with their fates.
    """

    run: str
    speakers: list[str]
    publisher: Publisher
    watcher: Watcher
    asked_to_stop: threading.Event
    check: Callable[[], None]
    language: str | None = None
    speaker: str = ""
    turns: list[tuple[Line, Fate]] = field(default_factory=list)
    _ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        """The first one begins."""
        self.speaker = self.speaker or self.speakers[0]

    def become(self, speaker: str) -> None:
        """Let another one speak."""
        self.speaker = speaker
        if speaker not in self.speakers:
            self.speakers.append(speaker)

    def next_speaker(self) -> None:
        """Let the next one speak."""
        self.become(self.speakers[(self.speakers.index(self.speaker) + 1) % len(self.speakers)])

    def read(self, typed: str) -> str:
        """The text of a typed line, after taking ``name:`` off it."""
        if match := _SPEAKER.fullmatch(typed.strip()):
            self.become(match[1])
            return match[2]
        return typed.strip()

    def say(self, text: str, deadline_s: float) -> Fate:
        """Publish, and wait for what becomes of it; a fate without event or letter where that takes too long."""
        line = Line("chat", self.speaker, text, self.language)
        number = self._ledger.sent(time.monotonic())

        def delivered(place: Place) -> None:
            self._ledger.delivered(number, place)

        self.publisher.publish(line.outbound(self.run, number), delivered)
        deadline = time.monotonic() + deadline_s
        fate = self._ledger.fates[number]
        while fate.seen_at is None and time.monotonic() < deadline and not self.asked_to_stop.is_set():
            self.publisher.poll()
            for observation in self.watcher.poll(_POLL_S):
                self._ledger.seen(observation)
            self.check()
        self.turns.append((line, fate))
        return fate
