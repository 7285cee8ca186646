"""The worker's and the trainer's half of the prompt builder: from the parts to what each role is asked.

A ``completion`` template makes one growing sequence of token segments::

    start [scene] [labels] turn … turn message [message] [deduction] generator? G1 | discriminator? D1 | again? G2 | …

so that each later question shares all of the earlier ones as its prefix. A ``chat`` template makes messages for a chat
model, and the transcript of the negotiation is part of the user's message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from prompts.parts import DEDUCTION_TOKENS
from prompts.profile import ModelProfile
from prompts.segments import as_shown, labels_segment, scene_segment, turn_segment
from prompts.template import Template, load_template
from prompts.tokenizer import PromptTokenizer
from schemas.event import Deduction, Mode
from schemas.prompt import PromptParts
from schemas.taxonomy import Label

Role = Literal["generator", "discriminator"]

#: What each form of a template's ``reply`` asks for, in the order in which a model thinks best: reasons first.
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "generator": ("scenario", "people", "relationships", "reason", "label"),
    "generator_knowing": ("reason", "label"),
    "discriminator": ("reason", "label"),
}

#: Segments whose ids are kept, about 1 KiB each.
CACHED_SEGMENTS: Final = 16_384


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of the negotiation so far; ``label`` is None where it was outside the set."""

    role: Role
    label: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One message to a chat model."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is asked: token ids (completion style) or chat messages, never both.

    Attributes:
        form: JSON Schema of the answer that the words ask for (reasoned mode), for servers that can hold a model to it.
    """

    token_ids: tuple[int, ...] = ()
    chat: tuple[ChatTurn, ...] = ()
    form: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One message's prompt before anything was said: its parts and, in completion style, their token ids."""

    parts: PromptParts
    deduction: Deduction | None
    opening: tuple[int, ...]


def next_role(said: Sequence[Said]) -> Role:
    """Generator and discriminator take turns, the generator first."""
    return "generator" if len(said) % 2 == 0 else "discriminator"


def answer_form(asked: str, parts: PromptParts) -> dict[str, Any] | None:
    """JSON Schema of an answer in one of a template's reply forms; None for a bare label."""
    if asked not in _FIELDS:
        return None
    properties: dict[str, Any] = {name: {"type": "string"} for name in _FIELDS[asked]}
    properties["label"]["enum"] = [one.word for one in parts.labels]
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class RolePrompts:
    """Asks the roles of one model."""

    def __init__(self, profile: ModelProfile, tokenizer: PromptTokenizer) -> None:
        """Keep the ids of segments: a turn stands in the prompts of the next turns too."""
        self.profile = profile
        self.tokenizer = tokenizer
        self._start = tokenizer.marker(profile.start)
        self._separator = tokenizer.marker(profile.separator)
        self._encode = lru_cache(maxsize=CACHED_SEGMENTS)(tokenizer.encode)
        self.word_id = lru_cache(maxsize=1024)(tokenizer.word)

    def label_ids(self, labels: Sequence[Label]) -> tuple[int, ...]:
        """The token that stands for each label; WordNotATokenError where a word is several."""
        return tuple(self.word_id(label.word) for label in labels)

    def open(self, parts: PromptParts, deduction: Deduction | None = None) -> Question:
        """Prepare a message's questions; its turns are encoded once for all of them."""
        template = load_template(parts.template, parts.language)
        if template.style == "chat":
            return Question(parts, deduction, ())
        ids = list(self._start)
        if parts.scene:
            ids += self._encode(scene_segment(template, parts.scene)) + self._separator
        if "L" in parts.parts:
            ids += self._encode(labels_segment(template, parts.labels)) + self._separator
        for turn in (*parts.history, *([parts.message] * template.copies)):
            ids += self._encode(turn_segment(template, turn)) + self._separator
        if deduction is not None and "E" in parts.parts:
            ids += self._encode(template.deduction.format(**deduction.model_dump())) + self._separator
        if "I" in parts.parts:
            ids += self._encode(template.generator)
        return Question(parts, deduction, tuple(ids))

    def ask(self, question: Question, said: Sequence[Said] = (), mode: Mode = "direct") -> Prompt:
        """The prompt of the next role, after what was said."""
        template = load_template(question.parts.template, question.parts.language)
        if template.style == "chat":
            asked = self._form(question, next_role(said), mode)
            return Prompt(chat=self._chat(template, question, said, asked), form=answer_form(asked, question.parts))
        ids = list(question.opening)
        for index, one in enumerate(said):
            ids += self._answer(question.parts, one.label) + self._separator
            ids += self._encode(template.again if index % 2 else template.discriminator)
        return Prompt(token_ids=tuple(ids))

    def fitted(self, parts: PromptParts, deduction: Deduction) -> Deduction:
        """A deduction cut to the tokens that the stream leaves free for it, its three statements alike."""
        template = load_template(parts.template, parts.language)
        frame = len(self._encode(template.deduction.format(scenario="", people="", relationships="")))
        each = (DEDUCTION_TOKENS - frame) // len(Deduction.model_fields)
        return Deduction(**{name: self.tokenizer.cut(text, each) for name, text in deduction})

    def _answer(self, parts: PromptParts, label: str | None) -> list[int]:
        """A label by its word; an answer outside the set shows as a question mark."""
        words = {one.name: one.word for one in parts.labels}
        return [self.word_id(words[label])] if label in words else self._encode("?")

    def _chat(self, template: Template, question: Question, said: Sequence[Said], form: str) -> tuple[ChatTurn, ...]:
        parts = question.parts
        role = next_role(said)
        asked = template.discriminator if role == "discriminator" else template.again if said else template.generator
        reply = template.reply[form]
        system = f"{asked}\n{reply}" if "I" in parts.parts else reply
        body = []
        if "L" in parts.parts:
            body.append(labels_segment(template, parts.labels))
        if parts.scene:
            body.append(scene_segment(template, parts.scene))
        if parts.history:
            turns = "\n".join(turn_segment(template, turn) for turn in parts.history)
            body.append(template.history.format(history=turns))
        body.append(template.message.format(message=turn_segment(template, parts.message)))
        if question.deduction is not None and "E" in parts.parts:
            shown = {name: as_shown(template, text) for name, text in question.deduction}
            body.append(template.deduction.format(**shown))
        words = {one.name: one.word for one in parts.labels}
        for one in said:
            reason = f" ({as_shown(template, one.reason)})" if one.reason else ""
            body.append(template.said.format(role=one.role, label=words.get(one.label or "", "?"), reason=reason))
        return ChatTurn("system", system), ChatTurn("user", "\n\n".join(body))

    @staticmethod
    def _form(question: Question, role: Role, mode: Mode) -> str:
        """Which of the template's forms the answer has; E is asked for once, and then known for some turns."""
        if mode == "direct":
            return "direct"
        if role == "generator" and (question.deduction is not None or "E" not in question.parts.parts):
            return "generator_knowing"
        return role
