"""The demo's course: messages flow, people label, the trainer runs, the worker swaps, and both corpora are measured."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from schemas.codec import decode, encode
from schemas.event import EmotionEvent
from sentistream.errors import SentistreamError
from sentistream.loop_demo.check import Check, Live, check
from sentistream.loop_demo.measure import Scores, Yardstick
from sentistream.loop_demo.people import People
from sentistream.loop_demo.platform import PlatformConversation
from sentistream.loop_demo.report import Row, write
from sentistream.loop_demo.settings import LoopDemoSettings
from sentistream.loop_demo.traffic import Traffic
from sentistream.publisher import Outbound, Publisher
from sentistream.refresh_process import RefreshProcess
from sentistream.system import System
from sentistream.topic_reader import read_topic
from trainer.outcome import Outcome
from trainer.registry.store import Registry
from trainer.releases import Releases

_POLL_S: Final = 0.2
_SWAP_S: Final = 120.0
_EVENTS_S: Final = 300.0
_STOP_S: Final = 20.0

#: Shows a person what is being done; the text may say how far it is.
Showing = Callable[[str], AbstractContextManager[Callable[[str], None]]]


class StoppedByUserError(SentistreamError):
    """Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Stage:
    """All that the demo works with.

    Attributes:
        variables: for the trainer.
        model: the base model's name, as events carry it.
        showing: for a person.
        asked: set by Ctrl-C.
    """

    settings: LoopDemoSettings
    system: System
    registry: Registry
    variables: dict[str, str]
    model: str
    showing: Showing
    asked: threading.Event


class LoopDemo:
    """One run of the demo.

    Args:
        stage: what it works with.
        traffic: that flows already.
        conversations: of the platform, in the order in which they are labelled.
        yardstick: measures.
    """

    def __init__(
        self, stage: Stage, traffic: Traffic, conversations: list[PlatformConversation], yardstick: Yardstick
    ) -> None:
        self._stage = stage
        self._traffic = traffic
        self._conversations = conversations
        self._yardstick = yardstick
        self._labels = Publisher(stage.system.kafka, stage.system.names.labels)
        self._releases = Releases(stage.system.kafka, stage.system.names.releases, stage.registry)
        settings = stage.settings
        self._people = People(settings.annotators, settings.annotator_error, settings.seed)
        self._labelled = 0
        self._live = [Live(None, datetime.min.replace(tzinfo=UTC))]
        self._scores: dict[str | None, Scores] = {}

    def run(self) -> tuple[list[Row], Check]:
        """All steps, and the check.

        Raises:
            SentistreamError: something of it failed, or was stopped.
        """
        out = self._stage.settings.out
        rows = [Row(0, "before", "the base model", None, self._measure(None))]
        for step in self._stage.settings.steps:
            rows.append(self._step(step))
            write(out, rows, None)
        found = self._check()
        write(out, rows, found)
        return rows, found

    def _step(self, step: int) -> Row:
        self._people_label(step)
        outcome = self._refresh(step)
        swap_s = self._swap(outcome) if outcome.status == "released" else None
        live = self._live[-1].version
        return Row(
            labelled=step,
            status=outcome.status,
            reason=outcome.reason,
            live=live,
            scores=self._measure(live),
            agreement=outcome.agreement,
            refresh_s=outcome.seconds,
            swap_s=swap_s,
        )

    def _people_label(self, until: int) -> None:
        """Wait until so many of the platform's messages have their events, and let people label them."""
        asked = {one.labelled_message: one.label for one in self._conversations[self._labelled : until]}
        self._traffic.rate = self._stage.settings.arrival_rate
        with self._stage.showing(f"people label {until:,} messages") as say:
            while missing := [name for name in asked if name not in self._traffic.events]:
                say(f"{until - len(missing):,} have their events")
                self._wait()
            events = self._traffic.events
            for label in self._people.label((events[name], truth) for name, truth in asked.items()):
                self._labels.publish(Outbound(label.conversation_id.encode(), encode(label)))
            self._labels.flush()
        self._labelled = until
        self._traffic.rate = self._stage.settings.rate

    def _refresh(self, step: int) -> Outcome:
        """`sentistream trainer run`, while messages flow."""
        log = self._stage.settings.out / "trainer.log"
        with self._stage.showing(f"the trainer learns from {step:,} messages") as say:
            process = RefreshProcess.start(self._stage.variables, _STOP_S, log)
            try:
                while (ended := process.poll()) is None:
                    say(f"{self._traffic.published:,} messages so far")
                    self._wait()
            except BaseException:
                process.stop()
                raise
        outcome = process.outcome
        if outcome is None:
            raise SentistreamError(f"the trainer's run failed, {ended.reason}: see {log}")
        return outcome

    def _swap(self, outcome: Outcome) -> float:
        """Until an event carries the new version."""
        decided = self._releases.live(self._stage.model)
        if decided is None or decided.version != outcome.version:
            raise SentistreamError(f"{outcome.version} was released, but {decided and decided.version} is live")
        self._live.append(Live(outcome.version, decided.decided_at))
        began = time.monotonic()
        with self._stage.showing(f"the worker swaps to {outcome.version}"):
            while not any(one.adapter == outcome.version for one in list(self._traffic.events.values())):
                if time.monotonic() > began + _SWAP_S:
                    logs = ", ".join(self._stage.system.logs)
                    raise SentistreamError(f"no event by {outcome.version} within {_SWAP_S:.0f} s: see {logs}")
                self._wait()
        return min(
            (one.times.decided_at - decided.decided_at).total_seconds()
            for one in list(self._traffic.events.values())
            if one.adapter == outcome.version
        )

    def _measure(self, version: str | None) -> Scores:
        if version not in self._scores:
            with self._stage.showing(f"measuring {version or 'the base model'}"):
                self._scores[version] = self._yardstick.measure(self._folder(version), self._look)
        return self._scores[version]

    def _folder(self, version: str | None) -> Path | None:
        if version is None:
            return None
        folder = self._stage.settings.out / "measured" / version
        if not folder.is_dir():
            self._stage.registry.fetch(self._stage.model, version, folder)
        return folder

    def _check(self) -> Check:
        with self._stage.showing("the last events") as say:
            self._traffic.finish()
            deadline = time.monotonic() + _EVENTS_S
            while self._traffic.missing and time.monotonic() < deadline:
                say(f"{self._traffic.missing:,} to come")
                self._wait()
        with self._stage.showing("reading all events again, as a new reader"):
            system = self._stage.system
            sent, topic_id = self._traffic.sent, system.facts.topic_id
            ids = {(topic_id, place.partition, place.offset) for place in sent.values()}
            events = [
                event
                for record in read_topic(system.kafka, system.names.events)
                if (event := decode(EmotionEvent, record.value or b""))
                and (event.source.topic_id, event.source.partition, event.source.offset) in ids
            ]
            # The demo's topics are its own: a dead letter there is about one of its messages.
            dead = sum(1 for _ in read_topic(system.kafka, system.names.dead_letters))
            return check(sent, events, dead, self._live)

    def _wait(self) -> None:
        self._stage.asked.wait(_POLL_S)
        self._look()

    def _look(self) -> None:
        """Whether to go on."""
        if self._stage.asked.is_set():
            raise StoppedByUserError("stopped")
        self._stage.system.check()
        self._traffic.check()
