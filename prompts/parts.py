"""The stream's half of the prompt builder: from a message and the turns before it to the parts I, H, L.

What is cut, when the token budget is short: whole turns of history, the oldest first; then the end of the scene; last
the end of the message itself. Instructions and labels always stay. Each step depends on the texts alone, so that an
offline replay of a topic gives the same parts, and the same hash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from prompts.profile import ModelProfile
from prompts.segments import labels_segment, scene_segment, turn_segment
from prompts.template import Template, load_template
from prompts.text import clean, language_of
from prompts.tokenizer import PromptTokenizer
from schemas.chat import ChatMessage, Turn
from schemas.prompt import Part, PromptParts
from schemas.taxonomy import Taxonomy

#: A stored turn has at most so many tokens: later prompts need its gist, and Redis is memory.
MAX_TURN_TOKENS: Final = 128
MAX_SPEAKER_CHARACTERS: Final = 32
#: What the worker may add of E, in tokens, where E is switched on.
DEDUCTION_TOKENS: Final = 160
#: A scene takes at most this share of the budget.
SCENE_SHARE: Final = 0.25


class MeasuredTurn(NamedTuple):
    """One utterance as prompts show it; a tuple, for the stream makes a dozen of them per message.

    Attributes:
        sent_at: seconds since 1970.
        tokens: of its segment, the separator counted.
    """

    speaker: str
    text: str
    sent_at: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What a prompt shows of its conversation.

    Attributes:
        message: its text cut to the token budget.
        history: oldest first.
    """

    language: str
    message: MeasuredTurn
    history: tuple[MeasuredTurn, ...]
    scene: str | None


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """Which earlier turns a prompt may hold.

    Attributes:
        turns: at most so many (the paper's k).
        session_gap: a silence of more seconds than this ends the session; what came before it is left out.
    """

    turns: int
    session_gap: float


def prompt_hash(parts: PromptParts) -> str:
    """SHA-256 over I (its template's name), H, L and the message, in hexadecimal."""
    return hashlib.sha256(parts.model_dump_json(exclude_none=True).encode()).hexdigest()


class PartsBuilder:
    """Builds the parts for one model and one taxonomy."""

    def __init__(
        self,
        profile: ModelProfile,
        tokenizer: PromptTokenizer,
        taxonomy: Taxonomy,
        rule: HistoryRule,
        parts: tuple[Part, ...] | None = None,
    ) -> None:
        """Take ``parts`` from the profile unless others are asked for (an ablation, say)."""
        self.profile = profile
        self.tokenizer = tokenizer
        self.taxonomy = taxonomy
        self.rule = rule
        self.parts = profile.parts if parts is None else parts
        self._separator = len(tokenizer.marker(profile.separator))
        self._fixed: dict[str, int] = {}
        self._frames: dict[str, tuple[bytes, bytes]] = {}

    def measure(self, messages: Sequence[ChatMessage]) -> list[MeasuredTurn]:
        """Clean and count messages, all in one call of the tokenizer."""
        turns = [
            MeasuredTurn(
                clean(one.speaker)[:MAX_SPEAKER_CHARACTERS] or "?", clean(one.text), one.sent_at.timestamp(), 0
            )
            for one in messages
        ]
        templates = [self._template(language_of(one.text, one.language)) for one in messages]
        counts = self.tokenizer.count([turn_segment(*pair) for pair in zip(templates, turns, strict=True)])
        return [turn._replace(tokens=count + self._separator) for turn, count in zip(turns, counts, strict=True)]

    def stored(self, turn: MeasuredTurn) -> MeasuredTurn:
        """The turn as the window keeps it for later prompts."""
        if turn.tokens <= MAX_TURN_TOKENS:
            return turn
        return self._shortened(turn, MAX_TURN_TOKENS, self._template(language_of(turn.text, None)))

    def recounted(self, turn: MeasuredTurn) -> MeasuredTurn:
        """A stored turn that another tokenizer counted, as this one counts it."""
        template = self._template(language_of(turn.text, None))
        tokens = len(self.tokenizer.encode(turn_segment(template, turn))) + self._separator
        return self.stored(turn._replace(tokens=tokens))

    def build(self, message: ChatMessage, turn: MeasuredTurn, before: Sequence[MeasuredTurn]) -> PromptParts:
        """The parts of one message's prompt; arguments as ``choose`` has them."""
        choice = self.choose(message, turn, before)
        history = tuple(Turn(speaker=one.speaker, text=one.text) for one in choice.history)
        shown = Turn(speaker=choice.message.speaker, text=choice.message.text)
        return self._parts(choice.language, history, shown, choice.scene)

    def encode(self, choice: Choice) -> bytes:
        """The bytes that ``build``'s parts have as JSON, and that their hash is made from.

        The stream needs nothing but these, and validating its own turns again was a third of its time.
        """
        head, tail = self._frame(choice.language)
        history = orjson.dumps([{"speaker": one.speaker, "text": one.text} for one in choice.history])
        message = orjson.dumps({"speaker": choice.message.speaker, "text": choice.message.text})
        scene = b',"scene":' + orjson.dumps(choice.scene) if choice.scene is not None else b""
        return b"".join((head, b'"history":', history, b',"message":', message, scene, tail))

    def choose(self, message: ChatMessage, turn: MeasuredTurn, before: Sequence[MeasuredTurn]) -> Choice:
        """Cut one message's conversation to what its prompt shows.

        Args:
            message: the message.
            turn: the same, measured.
            before: the conversation's earlier turns, oldest first, as stored.
        """
        language = language_of(message.text, message.language)
        template = self._template(language)
        room = self.profile.token_budget - self._fixed_tokens(language)
        if turn.tokens * template.copies > room:
            turn = self._shortened(turn, room // template.copies, template)
        room -= turn.tokens * template.copies
        scene, room = self._scene(message.scene, language, room)
        history = self._history(turn.sent_at, before, room) if "H" in self.parts else ()
        return Choice(language, turn, history, scene)

    def _parts(self, language: str, history: tuple[Turn, ...], message: Turn, scene: str | None) -> PromptParts:
        return PromptParts(
            template=self.profile.template,
            language=language,
            parts=self.parts,
            history=history,
            message=message,
            scene=scene,
            taxonomy=self.taxonomy.name,
            labels=self.taxonomy.labels,
        )

    def _frame(self, language: str) -> tuple[bytes, bytes]:
        """The parts' JSON before and after what changes from message to message."""
        if language not in self._frames:
            empty = self._parts(language, (), Turn(speaker="", text=""), None).model_dump_json(exclude_none=True)
            head, _, tail = empty.partition('"history":[],"message":{"speaker":"","text":""}')
            self._frames[language] = (head.encode(), tail.encode())
        return self._frames[language]

    def _history(self, sent_at: float, before: Sequence[MeasuredTurn], room: int) -> tuple[MeasuredTurn, ...]:
        chosen: list[MeasuredTurn] = []
        later = sent_at
        for turn in reversed(before):
            room -= turn.tokens
            if len(chosen) == self.rule.turns or room < 0 or later - turn.sent_at > self.rule.session_gap:
                break
            chosen.append(turn)
            later = turn.sent_at
        return tuple(reversed(chosen))

    def _scene(self, scene: str | None, language: str, room: int) -> tuple[str | None, int]:
        if not scene or not (text := clean(scene)):
            return None, room
        template = self._template(language)
        frame = len(self.tokenizer.encode(template.scene.format(scene=""))) + self._separator
        limit = min(room, int(self.profile.token_budget * SCENE_SHARE)) - frame
        text = self.tokenizer.cut(text, limit) if limit > 0 else ""
        if not text:
            return None, room
        return text, room - len(self.tokenizer.encode(scene_segment(template, text))) - self._separator

    def _shortened(self, turn: MeasuredTurn, limit: int, template: Template) -> MeasuredTurn:
        """Cut a turn's text so that its whole segment has at most ``limit`` tokens."""
        frame = len(self.tokenizer.encode(template.turn.format(speaker=turn.speaker, text=""))) + self._separator
        text = self.tokenizer.cut(turn.text, max(limit - frame, 0))
        shorter = turn._replace(text=text)
        return shorter._replace(tokens=len(self.tokenizer.encode(turn_segment(template, shorter))) + self._separator)

    def _fixed_tokens(self, language: str) -> int:
        """Tokens of all that is always there."""
        if language not in self._fixed:
            template = self._template(language)
            total = len(self.tokenizer.marker(self.profile.start)) + DEDUCTION_TOKENS * ("E" in self.parts)
            if "I" in self.parts:
                total += len(self.tokenizer.encode(template.generator))
            if "L" in self.parts:
                total += len(self.tokenizer.encode(labels_segment(template, self.taxonomy.labels))) + self._separator
            total += sum(len(self.tokenizer.encode(text)) for text in (template.history, template.message) if text)
            self._fixed[language] = total
        return self._fixed[language]

    def _template(self, language: str) -> Template:
        return load_template(self.profile.template, language)
