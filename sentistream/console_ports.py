"""The rest of the product as the console asks for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import fsspec  # type: ignore[import-untyped]
import structlog
from pydantic import ValidationError

from console.api.models.adapters import Decision, GateLabel, GateRule, GateSummary
from console.api.models.dead_letters import ReplayAttempt, ReplayOrder
from console.codes import PortCode
from console.errors import PortError
from console.ports import AdapterState, Letter, PublishedAdapter
from console.store.errors import StoreTopicError
from console.store.topic_facts import TopicsAdmin
from schemas.connections import KafkaSettings
from schemas.dead_letter import DeadLetter
from schemas.release import AdapterRelease
from schemas.topics import TopicNames
from sentistream.dead_letters import Replayer, StoredLetter, choose, read_letters, replayed_sources
from sentistream.errors import SentistreamError
from sentistream.publisher import Place, Publisher
from sentistream.topic_reader import StoredRecord, read_record, read_topic
from trainer.errors import TrainerError
from trainer.gate.report import REPORT_JSON, WITHOUT_ADAPTER, GateReport
from trainer.registry.errors import (
    DamagedAdapterError,
    DecisionRefusedError,
    RegistryError,
    RegistryUnavailableError,
    ReleaseError,
    UnknownVersionError,
)
from trainer.registry.store import REPORT_FOLDER, Registry, StoredAdapter
from trainer.releases import Releases
from trainer.stages import BY_GATE

log = structlog.get_logger()

#: The latest dead letters that are shown.
_LETTERS: Final = 10_000
#: Messages of a replay are read and sent one after the other, while somebody waits.
_MOST_REPLAYED: Final = 5_000


class RegistryAdapters:
    """The trainer's registry, and the topic that workers follow.

    Args:
        kafka: the connection.
        names: of the topics.
        address: of the registry.
        model: its name.
    """

    def __init__(self, kafka: KafkaSettings, names: TopicNames, address: str, model: str) -> None:
        self._kafka = kafka
        self._names = names
        self._address = address
        self._model = model
        #: A published version never changes.
        self._gates: dict[str, GateSummary | None] = {}

    def state(self) -> AdapterState:
        """What there is; what cannot be asked is said in `troubles`."""
        versions: tuple[StoredAdapter, ...] = ()
        noted: tuple[AdapterRelease, ...] = ()
        live = None
        troubles: list[PortError] = []
        try:
            registry = Registry(self._address)
            versions, noted = registry.versions(self._model), registry.history(self._model)
        except TrainerError as error:
            troubles.append(_trouble(error))
        try:
            live = self._releases().live(self._model)
        except TrainerError as error:
            troubles.append(_trouble(error))
        known = noted if live is None or live in noted else (*noted, live)
        return AdapterState(
            model=self._model,
            versions=tuple(self._published(one) for one in versions),
            decisions=tuple(_decision(one) for one in known),
            live=None if live is None else _decision(live),
            troubles=tuple(troubles),
        )

    def release(self, version: str, reason: str) -> Decision:
        """Make a version live."""
        with _refusals():
            return _decision(self._releases().release(self._model, version, reason=reason))

    def roll_back(self, to: str | None, reason: str) -> Decision:
        """Go back."""
        with _refusals():
            return _decision(self._releases().roll_back(self._model, reason, to=to))

    def _releases(self) -> Releases:
        return Releases(self._kafka, self._names.releases, Registry(self._address))

    def _published(self, stored: StoredAdapter) -> PublishedAdapter:
        if stored.version not in self._gates:
            self._gates[stored.version] = _gate(stored)
        metadata = stored.metadata
        return PublishedAdapter(
            stored.version, metadata.made_at, metadata.parent, metadata.metrics, self._gates[stored.version]
        )


class KafkaDeadLetters:
    """The topic of dead letters."""

    def __init__(self, kafka: KafkaSettings, names: TopicNames) -> None:
        self._kafka = kafka
        self._names = names
        #: Places that were sent back from here.
        self._replayed: set[str] = set()

    def letters(self) -> Sequence[Letter]:
        """The latest, oldest first; their bytes are not kept."""
        with _answers():
            found = [self._letter(one) for one in _stored(read_topic(self._kafka, self._names.dead_letters))]
        return sorted(found, key=lambda one: one.failed_at)[-_LETTERS:]

    def replay(self, order: ReplayOrder) -> Sequence[ReplayAttempt]:
        """Send some back; returns when Kafka has them."""
        with _answers():
            chosen = self._chosen(order)
            if len(chosen) > _MOST_REPLAYED:
                raise PortError(
                    f"{len(chosen)} dead letters are too many for one request: `sentistream dlq replay` takes them all",
                    refused=True,
                    code="letters_too_many",
                    count=len(chosen),
                )
            already = set() if order.again else replayed_sources(self._kafka, self._names, chosen)
            topic_id = TopicsAdmin(self._kafka).facts([self._names.messages])[self._names.messages].topic_id
            attempts = list(Replayer(self._kafka, self._names, topic_id, already).plan(chosen))
            if not order.dry_run:
                publisher = Publisher(self._kafka, self._names.messages)
                for one in attempts:
                    if one.outbound is not None:
                        publisher.publish(one.outbound)
                publisher.flush()
                self._replayed |= {one.letter.name for one in attempts if one.outcome == "replay"}
        return [ReplayAttempt(place=one.letter.name, outcome=one.outcome, detail=one.detail) for one in attempts]

    def _chosen(self, order: ReplayOrder) -> list[StoredLetter]:
        if not order.places:
            return choose(read_letters(self._kafka, self._names), (), order.reason)
        records = [read_record(self._kafka, self._names.dead_letters, _place(one)) for one in order.places]
        found = list(_stored(one for one in records if one is not None))
        if missing := set(order.places) - {one.name for one in found}:
            places = ", ".join(sorted(missing)[:5])
            text = f"no dead letter {places}: load the list anew"
            raise PortError(text, refused=True, code="letters_unknown", places=places)
        return [one for one in found if order.reason in (None, one.letter.reason)]

    def _letter(self, stored: StoredLetter) -> Letter:
        letter = stored.letter
        return Letter(
            place=stored.name,
            reason=letter.reason,
            detail=letter.detail,
            failed_at=letter.failed_at,
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.offset,
            event_id=letter.source.event_id if letter.source else None,
            size=len(stored.record.value or b""),
            replayed=stored.name in self._replayed,
        )


def _gate(stored: StoredAdapter) -> GateSummary | None:
    """What the gate wrote into the version's folder; None where it wrote nothing that can be read."""
    try:
        with fsspec.open(f"{stored.uri}/{REPORT_FOLDER}/{REPORT_JSON}", "rb") as file:
            return _summary(GateReport.model_validate_json(file.read()))
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        log.warning("gate_report_unreadable", version=stored.version, error=type(error).__name__)
        return None


def _summary(report: GateReport) -> GateSummary:
    compared = report.compared
    figures = ("accuracy", "macro_f1", "weighted_f1", "invalid", "calibration_error", "calls")
    return GateSummary(
        released=report.released,
        reasons=report.reasons,
        rules=tuple(
            GateRule(name=one.name, passed=one.passed, text=one.text, code=one.code, facts=dict(one.facts))
            for one in report.rules
        ),
        against=report.live.removesuffix(WITHOUT_ADAPTER),
        against_base=report.live.endswith(WITHOUT_ADAPTER),
        messages=report.messages,
        policy=report.policy,
        live={name: getattr(compared.live, name) for name in figures} if compared else {},
        candidate={name: getattr(compared.candidate, name) for name in figures} if compared else {},
        labels=tuple(
            GateLabel(name=one.name, support=one.support, live_f1=one.f1.live, candidate_f1=one.f1.candidate)
            for one in compared.labels
        )
        if compared
        else (),
        decided_at=report.decided_at,
    )


def _decision(release: AdapterRelease) -> Decision:
    return Decision(
        version=release.version,
        status=release.status,
        previous=release.previous,
        reason=release.reason,
        by_gate=release.status == "released" and release.reason == BY_GATE,
        decided_at=release.decided_at,
    )


def _stored(records: Any) -> Iterator[StoredLetter]:
    record: StoredRecord
    for record in records:
        try:
            yield StoredLetter(record, DeadLetter.from_headers(list(record.headers)))
        except (ValidationError, UnicodeDecodeError):
            continue


def _place(name: str) -> Place:
    partition, _, offset = name.partition(":")
    return Place(int(partition), int(offset))


@contextmanager
def _answers() -> Iterator[None]:
    """Whatever Kafka did not do, as the console knows it."""
    try:
        yield
    except (SentistreamError, StoreTopicError) as error:
        raise PortError(str(error), code="topic_unreadable") from error


@contextmanager
def _refusals() -> Iterator[None]:
    """The registry's no and its silence."""
    try:
        yield
    except TrainerError as error:
        raise _trouble(error) from error


#: The first that fits: whether it is a no, and its code.
_TROUBLES: Final[tuple[tuple[type[TrainerError], bool, PortCode], ...]] = (
    (RegistryUnavailableError, False, "registry_away"),
    (DecisionRefusedError, True, "decision_refused"),
    (ReleaseError, False, "decision_not_taken"),
    (UnknownVersionError, True, "version_unknown"),
    (DamagedAdapterError, True, "adapter_damaged"),
    (RegistryError, True, "registry_says_no"),
    (TrainerError, False, "unavailable"),
)


def _trouble(error: TrainerError) -> PortError:
    refused, code = next((refused, code) for kind, refused, code in _TROUBLES if isinstance(error, kind))
    return PortError(str(error), refused=refused, code=code)
