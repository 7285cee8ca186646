"""Which live messages a candidate is asked about, and the live answer beside each."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from prompts.errors import ProfileError
from prompts.parts import PartsBuilder, prompt_hash
from prompts.windows import Windowed
from schemas.chat import Source
from schemas.errors import SchemaError
from schemas.event import EmotionEvent
from schemas.prompt import PromptParts

#: Prompts that wait for their events, and the other way round; the oldest go first.
_WAITING: Final = 50_000
_HASH_BITS: Final = 64


def in_share(event_id: str, share: float) -> bool:
    """Whether a message is one of the share: the same in every process, and by no property of the message."""
    digest = hashlib.sha256(event_id.encode()).digest()[: _HASH_BITS // 8]
    return int.from_bytes(digest) < int(share * (1 << _HASH_BITS))


@dataclass(slots=True)
class LeftOut:
    """Messages of the share that are not compared, by reason.

    Attributes:
        hash_mismatch: the prompt that was rebuilt is not the event's: its window reaches further back than what was
            read, it was degraded, or the settings differ from the stream's.
        other_taxonomy: the event's label set is none that the model knows here.
        other_model: the event is of another base model, or of mode `reasoned`.
        unsupported: the language is none of the model's.
        waiting: prompts without an event (yet): it is late, or the message became a dead letter.
    """

    hash_mismatch: int = 0
    other_taxonomy: int = 0
    other_model: int = 0
    unsupported: int = 0
    waiting: int = 0


@dataclass(slots=True)
class Pairing:
    """Brings prompts and events together, in whichever order they come.

    Attributes:
        share: of the messages that are compared.
        builder_of: the base model's builder by taxonomy; prompts are built in their events' own.
        model: the base model's name.
        first: by partition, the first message offset that counts; earlier ones only fill the windows.
    """

    share: float
    builder_of: Callable[[str], PartsBuilder]
    model: str
    first: dict[int, int]
    left_out: LeftOut = field(default_factory=LeftOut)
    seen: int = 0
    _prompts: OrderedDict[str, Windowed] = field(default_factory=OrderedDict)
    _events: OrderedDict[str, EmotionEvent] = field(default_factory=OrderedDict)
    _ready: list[tuple[PromptParts, EmotionEvent]] = field(default_factory=list)

    def add_message(self, source: Source, windowed: Windowed) -> None:
        """A message was read."""
        if not self._counts(source):
            return
        self.seen += 1
        if not in_share(source.event_id, self.share):
            return
        if (event := self._events.pop(source.event_id, None)) is not None:
            self._match(windowed, event)
        else:
            self._prompts[source.event_id] = windowed
            if len(self._prompts) > _WAITING:
                self._prompts.popitem(last=False)
                self.left_out.waiting += 1

    def add_event(self, event: EmotionEvent) -> None:
        """An event was read."""
        if not self._counts(event.source) or not in_share(event.event_id, self.share):
            return
        if (windowed := self._prompts.pop(event.event_id, None)) is not None:
            self._match(windowed, event)
        else:
            self._events[event.event_id] = event
            if len(self._events) > _WAITING:
                self._events.popitem(last=False)

    def take(self, at_most: int) -> list[tuple[PromptParts, EmotionEvent]]:
        """Prompts with their events, the oldest first."""
        taken, self._ready = self._ready[:at_most], self._ready[at_most:]
        return taken

    def finish(self) -> LeftOut:
        """What was left out, once no more comes."""
        self.left_out.waiting += len(self._prompts)
        self._prompts.clear()
        return self.left_out

    def _counts(self, source: Source) -> bool:
        return source.offset >= self.first.get(source.partition, 0)

    def _match(self, windowed: Windowed, event: EmotionEvent) -> None:
        if event.model != self.model or event.mode != "direct":
            self.left_out.other_model += 1
        elif event.status == "unsupported":
            self.left_out.unsupported += 1
        elif (parts := self._parts(windowed, event.taxonomy)) is None:
            self.left_out.other_taxonomy += 1
        elif prompt_hash(parts) != event.prompt_hash:
            self.left_out.hash_mismatch += 1
        else:
            self._ready.append((parts, event))

    def _parts(self, windowed: Windowed, taxonomy: str) -> PromptParts | None:
        try:
            return windowed.parts(self.builder_of(taxonomy))
        except (ProfileError, SchemaError):
            return None
