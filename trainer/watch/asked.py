"""A past message as it is asked about again: in the label set that its event was asked in."""

from collections.abc import Callable
from dataclasses import dataclass

from prompts.errors import ProfileError
from prompts.parts import PartsBuilder
from prompts.windows import Windowed
from schemas.chat import ChatMessage, Source
from schemas.errors import SchemaError
from schemas.event import EmotionEvent
from schemas.prompt import PromptParts
from schemas.relabel import relabel_id
from trainer.watch.answers import Answerer


@dataclass(frozen=True, slots=True)
class Asked:
    """A message, the prompt that it is asked with, and the event of then."""

    relabel_id: str
    key: bytes | None
    source: Source
    message: ChatMessage
    parts: PromptParts
    event: EmotionEvent | None


class Asking:
    """Makes them for one adapter.

    Args:
        builder_of: by taxonomy, the usual one for None.
        answerer: the adapter.
    """

    def __init__(self, builder_of: Callable[[str | None], PartsBuilder], answerer: Answerer) -> None:
        self._builder_of = builder_of
        self._usual = builder_of(None)
        self._answerer = answerer

    def about(self, key: bytes | None, source: Source, windowed: Windowed, event: EmotionEvent | None) -> Asked:
        """One message."""
        parts = windowed.parts(self._builder(event))
        serving, version = self._answerer.serving, self._answerer.version
        name = self._usual.profile.name
        made = relabel_id(source.event_id, name, version, serving.policy, serving.rounds, parts.taxonomy)
        return Asked(made, key, source, windowed.message, parts, event)

    def _builder(self, event: EmotionEvent | None) -> PartsBuilder:
        if event is None:
            return self._usual
        try:
            return self._builder_of(event.taxonomy)
        except (ProfileError, SchemaError):
            # None that this model knows: `same_prompt` will say that another was asked.
            return self._usual
