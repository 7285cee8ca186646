"""Conversations cut into token segments by the builder that serves, once for all epochs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from prompts.parts import HistoryRule, MeasuredTurn, PartsBuilder
from prompts.profile import ModelProfile
from prompts.roles import Question, RolePrompts
from prompts.template import load_template
from prompts.tokenizer import PromptTokenizer
from schemas.chat import MAX_TEXT_CHARACTERS, ChatMessage
from schemas.prompt import PromptParts
from schemas.taxonomy import load_taxonomy
from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.examples import Example

_SENT = datetime(2000, 1, 1, tzinfo=UTC)
_MAX_IDENTIFIER = 256


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn.

    Attributes:
        ids: its segment, the separator included.
        prefix: what stands before the first turn of its prompt: start, scene and labels.
        example: its label, with a question whose opening is only what follows the turn; None without a label.
        echoed: how many tokens of that opening say the turn once more; they come first.
    """

    ids: tuple[int, ...]
    prefix: tuple[int, ...]
    example: Example | None
    echoed: int


class Segmenter:
    """Cuts conversations as one model's prompts have them.

    Attributes:
        roles: asks the roles.
    """

    def __init__(self, profile: ModelProfile, tokenizer: PromptTokenizer) -> None:
        self.roles = RolePrompts(profile, tokenizer)
        self._profile = profile
        self._tokenizer = tokenizer
        self._builders: dict[str, PartsBuilder] = {}

    def cut(self, conversations: Iterable[Conversation]) -> Iterator[list[Utterance]]:
        """The turns of each conversation that has labels; turns without text are left out."""
        for one in conversations:
            if one.taxonomy is not None and (turns := [turn for turn in one.turns if turn.text.strip()]):
                yield self._utterances(one, turns, self._builder(one.taxonomy))

    def _utterances(self, whole: Conversation, turns: list[LabelledTurn], builder: PartsBuilder) -> list[Utterance]:
        messages = [
            ChatMessage(
                message_id=str(index),
                conversation_id=whole.id[:_MAX_IDENTIFIER],
                speaker=turn.speaker[:_MAX_IDENTIFIER] or "?",
                text=turn.text[:MAX_TEXT_CHARACTERS],
                sent_at=_SENT,
                language=whole.language,
                scene=turn.scene,
            )
            for index, turn in enumerate(turns)
        ]
        # As a later prompt would show it: a turn of history is cut shorter than a message of its own.
        stored = map(builder.stored, builder.measure(messages))
        return [
            self._utterance(whole.id, turn, builder, builder.build(message, measured, ()), measured)
            for turn, message, measured in zip(turns, messages, stored, strict=True)
        ]

    def _utterance(
        self, conversation: str, turn: LabelledTurn, builder: PartsBuilder, parts: PromptParts, measured: MeasuredTurn
    ) -> Utterance:
        opening = self.roles.open(parts).opening
        template = load_template(parts.template, parts.language)
        echoed = (template.copies - 1) * measured.tokens
        asked = len(self._tokenizer.encode(template.generator)) + echoed
        ids, ending = opening[: len(opening) - asked], opening[len(opening) - asked :]
        head = len(ids) - measured.tokens
        example = None
        if turn.label is not None:
            target = [label.name for label in builder.taxonomy.labels].index(turn.label)
            label_ids = self.roles.label_ids(parts.labels)
            example = Example(conversation, Question(parts, None, ending), label_ids, target)
        return Utterance(ids[head:], ids[:head], example, echoed)

    def _builder(self, taxonomy: str) -> PartsBuilder:
        if taxonomy not in self._builders:
            # Turns are put together here: the builder sees them one by one.
            rule = HistoryRule(turns=0, session_gap=1.0)
            self._builders[taxonomy] = PartsBuilder(self._profile, self._tokenizer, load_taxonomy(taxonomy), rule)
        return self._builders[taxonomy]
