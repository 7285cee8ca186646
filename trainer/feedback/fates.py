"""What becomes of one labelled message: training data, or a reason why not."""

from typing import Final, Literal

import structlog

from prompts.parts import prompt_hash
from prompts.profile import ModelProfile
from schemas.event import EmotionEvent
from trainer.feedback.rebuild import Rebuilt

log = structlog.get_logger()

#: Why a message is left out; the names are those in `trainer.feedback.labelled.Counts`.
Left = Literal[
    "ties",
    "missing_events",
    "missing_messages",
    "inconsistent_messages",
    "degraded",
    "hash_mismatches",
    "unsupported",
    "unknown_taxonomies",
]
#: Why a prompt may be another one than the event's.
Cause = Literal["earlier_turns_deleted", "other_model", "other_settings"]

WHAT_TO_CHECK: Final[dict[Cause, str]] = {
    "earlier_turns_deleted": "earlier turns are gone from chat.messages: raise its retention over the labels' delay",
    "other_model": "the event is another model's: MODEL here must be the folder that the stream cuts prompts for",
    "other_settings": "TAXONOMIES, PROMPT_PARTS, HISTORY_TURNS, SESSION_GAP_S, the model's tokenizer or the product's "
    "version differ from the stream's, or differed then",
}


def fate_of_event(event: EmotionEvent | None, profile: ModelProfile) -> Left | None:
    """What the event alone says; None where its prompt has to be looked at."""
    if event is None:
        return "missing_events"
    if event.status == "unsupported":
        return "unsupported"
    if event.taxonomy not in profile.taxonomies:
        return "unknown_taxonomies"
    return None


def fate_of_prompt(event: EmotionEvent, rebuilt: Rebuilt | None) -> Left | None:
    """What comparing it with its event says; None for training data."""
    if rebuilt is None:
        return "missing_messages"
    message = rebuilt.message
    names = (event.message_id, event.conversation_id, event.tenant)
    if (message.message_id, message.conversation_id, message.tenant) != names:
        return "inconsistent_messages"
    original = message.replay_of
    if original is not None and (original.topic_id, original.partition) != (
        event.source.topic_id,
        event.source.partition,
    ):
        # Its own window is in another partition: what the prompt shows is not what was said before it.
        return "degraded"
    if prompt_hash(rebuilt.parts) == event.prompt_hash:
        # Even where the stream was not sure that it had all turns.
        return None
    return "degraded" if event.degraded else "hash_mismatches"


def likely_cause(
    event: EmotionEvent, rebuilt: Rebuilt, profile: ModelProfile, *, turns: int, begins_late: bool
) -> Cause:
    """Why the two prompts may differ.

    Args:
        event: the message's.
        rebuilt: its prompt now.
        profile: of the model here.
        turns: of history that a prompt may have.
        begins_late: the partition's first messages are gone.
    """
    if begins_late and len(rebuilt.parts.history) < turns:
        return "earlier_turns_deleted"
    return "other_settings" if event.model == profile.name else "other_model"
