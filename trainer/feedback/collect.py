"""From the topics to labelled messages: labels, events and messages of fixed spans, put together and checked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from prompts.settings import ServedBuilders
from prompts.windows import conversation_key
from schemas.adapter import OffsetSpan
from schemas.chat import Source
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.topics import TopicNames
from trainer.feedback.agreement import krippendorff_alpha, majority
from trainer.feedback.events import Events
from trainer.feedback.fates import WHAT_TO_CHECK, Cause, fate_of_event, fate_of_prompt, likely_cause
from trainer.feedback.labelled import Collected, Counts, LabelledMessage
from trainer.feedback.labels import GivenLabel, Labels
from trainer.feedback.people import Machines
from trainer.feedback.reading import Halt, SpanReader
from trainer.feedback.rebuild import PromptRebuild, Rebuilt
from trainer.feedback.spans import current_spans, topic_shape, unseen
from trainer.feedback.votes import Ballot

log = structlog.get_logger()


def collect(
    connection: KafkaSettings,
    names: TopicNames,
    builders: ServedBuilders,
    spans: Sequence[OffsetSpan] | None = None,
    *,
    seen: Sequence[OffsetSpan] = (),
    not_people: Iterable[str] = (),
    halt: Halt = lambda: None,
) -> Collected:
    """Read all that people have said; the same spans give the same data.

    Args:
        connection: to Kafka.
        names: of the topics.
        builders: with the settings that the stream has.
        spans: what is read; None for all that there is now.
        seen: what the last refresh read: labels beyond it are new.
        not_people: values of ``labelled_by`` that are programs.
        halt: called while reading; raises what ends the run.

    Raises:
        TopicUnavailableError: a topic is missing, or Kafka does not answer.
    """
    spans = current_spans(connection, names) if spans is None else tuple(spans)
    reader = SpanReader(connection, halt)
    chat_id = topic_shape(connection, names.messages).topic_id
    labels, events = Labels(chat_id), Events()
    labels.add(reader.read(spans, names.labels))
    events.add(reader.read(spans, names.events), labels.sources)
    standing = labels.standing(Machines([builders.profile.name, *events.answerers, *not_people]))
    votes = _Votes(standing, events, Ballot(builders.taxonomies))
    fresh = unseen(spans, seen, names.labels)
    work = _Collection(builders, events, votes, {one for one in votes.by_source if labels.has_new(one, fresh)})
    rebuild = work.rebuild(chat_id)
    rebuild.add(reader.read(rebuild.shortened(spans, names.messages), names.messages))
    cut = {one.partition for one in spans if one.topic == names.messages and one.start > 0}
    if reader.lost.get(names.messages):
        cut |= {one.partition for one in spans}
    labelled = tuple(work.labelled(rebuild.found, cut))
    counts = Counts(
        **(labels.counts + votes.counts + work.left),
        malformed_events=events.malformed,
        malformed_messages=rebuild.malformed,
        lost_records=reader.lost,
        annotated=len(votes.by_source),
        labelled=len(labelled),
        mismatch_causes=dict(work.causes),
    )
    _report(counts, names)
    return Collected(spans, labelled, krippendorff_alpha(votes.units(events)), counts)


class _Votes:
    """What people say of each message, in the taxonomy of its event."""

    def __init__(self, standing: dict[Source, tuple[GivenLabel, ...]], events: Events, ballot: Ballot) -> None:
        self.counts: Counter[str] = Counter()
        self.by_source: dict[Source, list[tuple[GivenLabel, str]]] = {}
        for source, given in standing.items():
            if votes := list(self._votes(source, given, events, ballot)):
                self.by_source[source] = votes

    def units(self, events: Events) -> Iterator[list[str]]:
        """For the agreement: labels of two taxonomies that have the same name need not mean the same."""
        for source, votes in self.by_source.items():
            yield [f"{_taxonomy(given, events.by_source.get(source))}:{vote}" for given, vote in votes]

    def _votes(
        self, source: Source, standing: Iterable[GivenLabel], events: Events, ballot: Ballot
    ) -> Iterator[tuple[GivenLabel, str]]:
        event = events.by_source.get(source)
        for given in standing:
            label = given.label
            names = (label.message_id, label.conversation_id)
            if event is not None and names != (event.message_id, event.conversation_id):
                self.counts["inconsistent_labels"] += 1
            elif (vote := ballot.vote(given, _taxonomy(given, event))) is None:
                self.counts["unknown_labels"] += 1
            else:
                yield given, vote


def _taxonomy(given: GivenLabel, event: EmotionEvent | None) -> str:
    """That a vote counts in."""
    return given.label.taxonomy if event is None else event.taxonomy


@dataclass(slots=True)
class _Collection:
    """Labels, events and prompts while they are put together."""

    builders: ServedBuilders
    events: Events
    votes: _Votes
    new: set[Source]
    left: Counter[str] = field(default_factory=Counter)
    causes: Counter[Cause] = field(default_factory=Counter)
    agreed: dict[Source, str] = field(default_factory=dict)

    def rebuild(self, chat_id: str) -> PromptRebuild:
        """What has to be made again: messages that most people agree on, and whose event the model can be asked by."""
        wanted: dict[Source, str] = {}
        conversations = set()
        for source, votes in self.votes.by_source.items():
            event = self.events.by_source.get(source)
            label = majority([vote for _, vote in votes])
            fate = "ties" if label is None else fate_of_event(event, self.builders.profile)
            if label is None or event is None or fate is not None:
                self.left[fate or "missing_events"] += 1
                continue
            self.agreed[source] = label
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
            event, rebuilt = self.events.by_source[source], found.get(source)
            fate = fate_of_prompt(event, rebuilt)
            if rebuilt is None or fate is not None:
                self.left[fate or "missing_messages"] += 1
                if rebuilt is not None and fate == "hash_mismatches":
                    self._mismatch(source, rebuilt, begins_late=source.partition in begin_late)
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

    def _mismatch(self, source: Source, rebuilt: Rebuilt, *, begins_late: bool) -> None:
        event = self.events.by_source[source]
        builder = self.builders.of(event.taxonomy)
        cause = likely_cause(event, rebuilt, builder.profile, turns=builder.rule.turns, begins_late=begins_late)
        self.causes[cause] += 1
        log.debug("prompt_hash_differs", event_id=event.event_id, cause=cause, replay=event.replay)


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
