"""``chat.messages``: what a platform publishes, one record for each message that a person sent."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints, field_validator

from schemas.base import Frozen, Identifier, Message

#: The longest text, in characters, that gets an event; a longer one gets a dead letter.
MAX_TEXT_CHARACTERS = 8_000
MAX_SCENE_CHARACTERS = 4_000


class Source(Frozen):
    """Where a chat message stands in Kafka; unique for ever, since a topic made anew has another id."""

    topic_id: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)

    @property
    def event_id(self) -> str:
        """The id of the one event that this message gets."""
        return f"{self.topic_id}:{self.partition}:{self.offset}"


class Turn(Frozen):
    """One utterance and who made it."""

    speaker: str
    text: str


class ChatMessage(Message):
    """A chat message as its platform saw it."""

    message_id: Identifier
    conversation_id: Identifier
    speaker: Identifier
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
    sent_at: AwareDatetime
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] | None = Field(
        default=None, description="BCP 47 tag such as en or zh-Hans; left out: told from the script."
    )
    scene: Annotated[str, StringConstraints(max_length=MAX_SCENE_CHARACTERS)] | None = Field(
        default=None, description="What can be seen or is known of the situation, in words."
    )
    tenant: Identifier = "default"
    replay_of: Source | None = Field(
        default=None, description="Set by a dead letter's replay: the message whose window is used; adds nothing to it."
    )

    @field_validator("text")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            msg = "the text is blank"
            raise ValueError(msg)
        return text
