"""What a refresh reads: labelled messages with their prompts, and what became of all others."""

from dataclasses import dataclass

from pydantic import AwareDatetime, Field

from prompts.roles import RolePrompts
from schemas.adapter import OffsetSpan
from schemas.base import Frozen
from schemas.chat import Source
from schemas.event import EmotionEvent, Policy
from schemas.prompt import PromptParts
from trainer.examples import Example


class LabelledMessage(Frozen):
    """One message that people agree on.

    Attributes:
        conversation: its tenant and conversation, see `prompts.windows.conversation_key`.
        parts: of the prompt that its event was made from.
        label: a name of the parts' taxonomy.
        annotators: people whose label stands.
        labelled_at: the latest of them.
        new: one of its labels was not there for the last refresh.
        event: what the model had said.
    """

    source: Source
    conversation: str
    parts: PromptParts
    label: str
    annotators: int = Field(ge=1)
    labelled_at: AwareDatetime
    new: bool
    event: EmotionEvent | None = None


class Counts(Frozen):
    """What was read, and what of it cannot be trained on.

    The first block counts records, the second labelled messages:
    ``annotated = labelled + ties + missing_events + missing_messages + inconsistent_messages + degraded
    + hash_mismatches + unsupported + unknown_taxonomies + forgotten``.

    Attributes:
        label_records: of ``emotion.labels``.
        malformed_labels: that are no label; likewise of events and messages.
        other_topic: labels of an earlier ``chat.messages``, one that was deleted and made anew.
        inconsistent_labels: labels whose ids contradict each other.
        not_by_people: labels by a model, an adapter, or a program that the settings name.
        replaced: labels that the same person replaced or took back later.
        withdrawn: labels taken back, and nothing in their place.
        unknown_labels: labels that are none of the event's taxonomy, nor have a counterpart in it.
        lost_records: by topic, offsets that Kafka deleted inside the spans.
        annotated: messages with a label that stands.
        labelled: messages to train or judge on.
        kept: of those, the ones that the topics no longer hold, and an earlier refresh kept.
        ties: no label has more votes than every other.
        missing_events: their event is not there, such as after its retention; likewise their message.
        inconsistent_messages: label, event and message name different messages or conversations.
        degraded: the stream itself said that turns may lack, and the prompt cannot be made again.
        hash_mismatches: the prompt that is made again is not the one of the event.
        mismatch_causes: by likely cause.
        unsupported: in a language that the model does not know.
        unknown_taxonomies: answered in a taxonomy that the model does not know now.
        forgotten: of a conversation that was to be forgotten.
    """

    label_records: int = 0
    malformed_labels: int = 0
    malformed_events: int = 0
    malformed_messages: int = 0
    other_topic: int = 0
    inconsistent_labels: int = 0
    not_by_people: int = 0
    replaced: int = 0
    withdrawn: int = 0
    unknown_labels: int = 0
    lost_records: dict[str, int] = Field(default_factory=dict)
    annotated: int = 0
    labelled: int = 0
    kept: int = 0
    ties: int = 0
    missing_events: int = 0
    missing_messages: int = 0
    inconsistent_messages: int = 0
    degraded: int = 0
    hash_mismatches: int = 0
    mismatch_causes: dict[str, int] = Field(default_factory=dict)
    unsupported: int = 0
    unknown_taxonomies: int = 0
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Collected:
    """What people said in some spans of the topics.

    Attributes:
        spans: that were read.
        labelled: in the order of their sources.
        agreement: Krippendorff's alpha over all messages with several labels, ties among them; None where it has no
            value.
        withdrawn: messages that an earlier refresh kept, and whose labels were all taken back.
        policy: by which most recent events were answered; None without events.
    """

    spans: tuple[OffsetSpan, ...]
    labelled: tuple[LabelledMessage, ...]
    agreement: float | None
    counts: Counts
    withdrawn: frozenset[Source] = frozenset()
    policy: Policy | None = None

    @property
    def ties(self) -> int:
        """Messages without a majority."""
        return self.counts.ties

    @property
    def hash_mismatches(self) -> int:
        """Messages whose prompt could not be made again as it was."""
        return self.counts.hash_mismatches


def to_example(labelled: LabelledMessage, roles: RolePrompts) -> Example:
    """A labelled message as training and gate take it."""
    question = roles.open(labelled.parts)
    names = [label.name for label in labelled.parts.labels]
    ids = roles.label_ids(labelled.parts.labels)
    return Example(labelled.conversation, question, ids, names.index(labelled.label))
