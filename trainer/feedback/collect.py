"""From the topics to labelled messages: labels, events and messages of fixed spans, put together and checked."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from prompts.parts import prompt_hash
from prompts.settings import ServedBuilders
from prompts.windows import conversation_key
from schemas.adapter import OffsetSpan
from schemas.agreement import krippendorff_alpha, majority
from schemas.chat import Source
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.topics import TopicNames
from trainer.feedback.archive import Archive
from trainer.feedback.events import Events
from trainer.feedback.fates import WHAT_TO_CHECK, Cause, Left, fate_of_event, fate_of_prompt, likely_cause
from trainer.feedback.labelled import Collected, Counts, LabelledMessage
from trainer.feedback.labels import GivenLabel, Labels
from trainer.feedback.people import Machines
from trainer.feedback.reading import Halt, SpanReader
from trainer.feedback.rebuild import PromptRebuild, Rebuilt
from trainer.feedback.spans import current_spans, topic_shape, unseen
from trainer.feedback.votes import Ballot

log = structlog.get_logger()

#: What was read by an earlier refresh makes up for.
_PAST: Final = {"missing_events", "missing_messages", "degraded", "hash_mismatches"}


def collect(
    connection: KafkaSettings,
    names: TopicNames,
    builders: ServedBuilders,
    spans: Sequence[OffsetSpan] | None = None,
    *,
    seen: Sequence[OffsetSpan] = (),
    not_people: Iterable[str] = (),
    archive: Archive | None = None,
    halt: Halt = lambda: None,
) -> Collected:
    """Read all that people have said; the same spans and archive give the same data.

    Args:
        connection: to Kafka.
        names: of the topics.
        builders: with the settings that the stream has.
        spans: what is read; None for all that there is now.
        seen: what the last refresh read: labels beyond it are new.
        not_people: values of ``labelled_by`` that are programs.
        archive: what earlier refreshes collected, for what the topics no longer hold. Labels that the topics do hold
            count before those in it; conversations that are forgotten there are left out.
        halt: called while reading; raises what ends the run.

    Raises:
        TopicUnavailableError: a topic is missing, or Kafka does not answer.
    """
    spans = current_spans(connection, names) if spans is None else tuple(spans)
    reader = SpanReader(connection, halt)
    chat_id = topic_shape(connection, names.messages).topic_id
    kept = archive.read() if archive is not None else {}
    labels, events = Labels(chat_id, kept), Events()
    labels.add(reader.read(spans, names.labels))
    events.add(reader.read(spans, names.events), labels.sources)
    standing = labels.standing(Machines([builders.profile.name, *events.answerers, *not_people]))
    votes = _Votes(standing, events, kept, Ballot(builders.taxonomies))
    fresh = unseen(spans, seen, names.labels)
    work = _Collection(builders, events, votes, {one for one in votes.by_source if labels.has_new(one, fresh)}, kept)
    rebuild = work.rebuild(chat_id)
    rebuild.add(reader.read(rebuild.shortened(spans, names.messages), names.messages))
    cut = {one.partition for one in spans if one.topic == names.messages and one.start > 0}
    if reader.lost.get(names.messages):
        cut |= {one.partition for one in spans}
    found = [*work.labelled(rebuild.found, cut), *work.unspoken(labels.sources)]
    forgotten = {one.source for one in found if archive is not None and archive.is_forgotten(one.conversation)}
    labelled = tuple(sorted((one for one in found if one.source not in forgotten), key=_place))
    counts = Counts(
        **(labels.counts + votes.counts + work.left),
        malformed_events=events.malformed,
        malformed_messages=rebuild.malformed,
        lost_records=reader.lost,
        annotated=len(votes.by_source) + work.past["unspoken"],
        labelled=len(labelled),
        kept=work.past.total(),
        forgotten=len(forgotten),
        mismatch_causes=dict(work.causes),
    )
    _report(counts, names)
    withdrawn = frozenset(labels.sources & kept.keys()) - standing.keys()
    return Collected(spans, labelled, krippendorff_alpha(votes.units(events)), counts, withdrawn, events.policy)


class _Votes:
    """What people say of each message, in the taxonomy of its event."""

    def __init__(
        self,
        standing: dict[Source, tuple[GivenLabel, ...]],
        events: Events,
        kept: Mapping[Source, LabelledMessage],
        ballot: Ballot,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._kept = kept
        self.by_source: dict[Source, list[tuple[GivenLabel, str]]] = {}
        for source, given in standing.items():
            if votes := list(self._votes(source, given, events, ballot)):
                self.by_source[source] = votes

    def units(self, events: Events) -> Iterator[list[str]]:
        """For the agreement: labels of two taxonomies that have the same name need not mean the same."""
        for source, votes in self.by_source.items():
            yield [f"{self._taxonomy(given, source, events)}:{vote}" for given, vote in votes]

    def _votes(
        self, source: Source, standing: Iterable[GivenLabel], events: Events, ballot: Ballot
    ) -> Iterator[tuple[GivenLabel, str]]:
        event = events.by_source.get(source)
        for given in standing:
            label = given.label
            names = (label.message_id, label.conversation_id)
            if event is not None and names != (event.message_id, event.conversation_id):
                self.counts["inconsistent_labels"] += 1
            elif (vote := ballot.vote(given, self._taxonomy(given, source, events))) is None:
                self.counts["unknown_labels"] += 1
            else:
                yield given, vote

    def _taxonomy(self, given: GivenLabel, source: Source, events: Events) -> str:
        """That a vote counts in."""
        if (event := events.by_source.get(source)) is not None:
            return event.taxonomy
        return self._kept[source].parts.taxonomy if source in self._kept else given.label.taxonomy


@dataclass(slots=True)
class _Collection:
    """Labels, events and prompts while they are put together."""

    builders: ServedBuilders
    events: Events
    votes: _Votes
    new: set[Source]
    kept: Mapping[Source, LabelledMessage]
    left: Counter[str] = field(default_factory=Counter)
    causes: Counter[Cause] = field(default_factory=Counter)
    agreed: dict[Source, str] = field(default_factory=dict)
    past: Counter[str] = field(default_factory=Counter)

    def rebuild(self, chat_id: str) -> PromptRebuild:
        """What has to be made again: messages that most people agree on, and whose event the model can be asked by."""
        wanted: dict[Source, str] = {}
        conversations = set()
        for source, votes in self.votes.by_source.items():
            event = self.events.by_source.get(source)
            label = majority([vote for _, vote in votes])
            fate = "ties" if label is None else self._fate(source, event)
            if label is None or fate is not None:
                self.left[fate or "ties"] += 1
                continue
            self.agreed[source] = label
            if event is not None:
                wanted[source] = event.taxonomy
                conversations.add(event.conversation_id)
        builders = {taxonomy: self.builders.of(taxonomy) for taxonomy in sorted(set(wanted.values()))}
        return PromptRebuild(builders, chat_id, wanted, conversations)

    def labelled(self, found: dict[Source, Rebuilt], begin_late: set[int]) -> Iterator[LabelledMessage]:
        """Those whose prompt is the one that was asked.

        Args:
            found: their prompts.
            begin_late: partitions whose first messages are gone.
        """
        for source, label in self.agreed.items():
            event, rebuilt = self.events.by_source.get(source), found.get(source)
            fate = "missing_events" if event is None else fate_of_prompt(event, rebuilt)
            if event is None or rebuilt is None or fate is not None:
                if (past := self._from_the_past(source, label, event, fate)) is not None:
                    yield past
                    continue
                self.left[fate or "missing_messages"] += 1
                if event is not None and rebuilt is not None and fate == "hash_mismatches":
                    self._mismatch(event, rebuilt, begins_late=source.partition in begin_late)
                continue
            given = [one for one, _ in self.votes.by_source[source]]
            yield LabelledMessage(
                source=source,
                conversation=conversation_key(rebuilt.message),
                parts=rebuilt.parts,
                label=label,
                annotators=len(given),
                labelled_at=max(one.label.labelled_at for one in given),
                new=source in self.new,
                event=event,
            )

    def unspoken(self, spoken_of: Collection[Source]) -> Iterator[LabelledMessage]:
        """What is kept, and no label in the topics speaks of."""
        for source, one in self.kept.items():
            if source not in spoken_of and self._known(one):
                self.past["unspoken"] += 1
                yield one.model_copy(update={"new": False})

    def _fate(self, source: Source, event: EmotionEvent | None) -> Left | None:
        """Before its prompt is looked at."""
        if event is None and source in self.kept:
            return None if self._known(self.kept[source]) else "unknown_taxonomies"
        return fate_of_event(event, self.builders.profile)

    def _known(self, one: LabelledMessage) -> bool:
        return one.parts.taxonomy in self.builders.profile.taxonomies

    def _from_the_past(
        self, source: Source, label: str, event: EmotionEvent | None, fate: Left | None
    ) -> LabelledMessage | None:
        """The prompt as an earlier refresh found it, with what people say of it now."""
        one = self.kept.get(source)
        if one is None or fate not in _PAST or label not in {each.name for each in one.parts.labels}:
            return None
        if event is not None and prompt_hash(one.parts) != event.prompt_hash:
            return None
        self.past["spoken"] += 1
        given = [each for each, _ in self.votes.by_source[source]]
        said = {
            "label": label,
            "annotators": len(given),
            "labelled_at": max(each.label.labelled_at for each in given),
            "new": source in self.new,
            "event": event,
        }
        return one.model_copy(update=said)

    def _mismatch(self, event: EmotionEvent, rebuilt: Rebuilt, *, begins_late: bool) -> None:
        builder = self.builders.of(event.taxonomy)
        cause = likely_cause(event, rebuilt, builder.profile, turns=builder.rule.turns, begins_late=begins_late)
        self.causes[cause] += 1
        log.debug("prompt_hash_differs", event_id=event.event_id, cause=cause, replay=event.replay)


def _place(one: LabelledMessage) -> tuple[int, int, str]:
    return one.source.partition, one.source.offset, one.source.topic_id


def _report(counts: Counts, names: TopicNames) -> None:
    log.info("labels_collected", **counts.model_dump(exclude_defaults=True))
    for cause, number in counts.mismatch_causes.items():
        log.warning("prompts_differ", messages=number, cause=cause, likely=WHAT_TO_CHECK[cause])  # type: ignore[index]
    if counts.missing_messages:
        log.warning(
            "labels_without_message",
            messages=counts.missing_messages,
            likely=f"{names.messages} has deleted them: its retention bounds how long labels can be learnt from",
        )
