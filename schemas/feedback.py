"""``emotion.labels``: what people say an emotion is; the trainer learns from them."""

from pydantic import AwareDatetime

from schemas.base import Identifier, Message
from schemas.chat import Source


class EmotionLabel(Message):
    """One person's label of one message; a later one by the same person replaces it.

    Attributes:
        label: None, or left out, takes the person's earlier label back.
        model_label: what the event had said, if it had a label.
    """

    event_id: str
    message_id: Identifier
    conversation_id: Identifier
    source: Source
    taxonomy: str
    label: str | None = None
    labelled_by: Identifier
    labelled_at: AwareDatetime
    model_label: str | None = None
    adapter: str | None = None
