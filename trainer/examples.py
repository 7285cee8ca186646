"""From labelled conversations to questions for the model, by the same prompt builder that serves."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prompts.parts import HistoryRule, MeasuredTurn, PartsBuilder
from prompts.profile import ModelProfile
from prompts.roles import Question, RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.chat import MAX_TEXT_CHARACTERS, ChatMessage
from schemas.taxonomy import load_taxonomy
from trainer.corpora.conversation import Conversation

#: Corpora give no clock that spans a conversation: turns are taken to follow each other at once, in one session.
_START = datetime(2000, 1, 1, tzinfo=UTC)
_PAUSE = timedelta(seconds=1)
_SESSION_GAP = 3600.0
_MAX_IDENTIFIER = 256


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled utterance.

    Attributes:
        conversation: its conversation or the group of them that it is in, the unit of resampling.
        question: the prompt up to the first decision.
        label_ids: the token of each label, in the taxonomy's order.
        target: index of the true label in that order.
        rationale: token ids of a reason that follows the label, where somebody wrote one.
    """

    conversation: str
    question: Question
    label_ids: tuple[int, ...]
    target: int
    rationale: tuple[int, ...] = ()


class ExampleBuilder:
    """Builds the examples of one model."""

    def __init__(
        self,
        profile: ModelProfile,
        tokenizer: PromptTokenizer,
        parts_of: Callable[[str], PartsBuilder] | None = None,
    ) -> None:
        """Prompts are the profile's: its parts, its turns of history, its budget; or those of other builders.

        Args:
            profile: of the model.
            tokenizer: of the model.
            parts_of: the builder of a taxonomy, such as that of a deployment with settings of its own.
        """
        self._profile = profile
        self._tokenizer = tokenizer
        self._rule = HistoryRule(turns=profile.history_turns, session_gap=_SESSION_GAP)
        self._parts_of = parts_of
        self._by_taxonomy: dict[str, PartsBuilder] = {}
        self.roles = RolePrompts(profile, tokenizer)

    def examples(self, conversations: Iterable[Conversation]) -> Iterator[Example]:
        """One example for each labelled utterance that holds any text."""
        for conversation in conversations:
            if conversation.taxonomy is not None:
                yield from self._of(conversation, conversation.taxonomy)

    def _of(self, conversation: Conversation, taxonomy: str) -> Iterator[Example]:
        parts = self._parts(taxonomy)
        names = [label.name for label in parts.taxonomy.labels]
        kept = [turn for turn in conversation.turns if turn.text.strip()]
        messages = [
            ChatMessage(
                message_id=str(index),
                conversation_id=conversation.id[:_MAX_IDENTIFIER],
                speaker=turn.speaker[:_MAX_IDENTIFIER] or "?",
                text=turn.text[:MAX_TEXT_CHARACTERS],
                sent_at=_START + index * _PAUSE,
                language=conversation.language,
                scene=turn.scene,
            )
            for index, turn in enumerate(kept)
        ]
        before: list[MeasuredTurn] = []
        for turn, message, measured in zip(kept, messages, parts.measure(messages), strict=True):
            if turn.label is not None:
                question = self.roles.open(parts.build(message, measured, before))
                # A chat model answers in words, which may be several tokens.
                ids = self.roles.label_ids(question.parts.labels) if question.opening else ()
                yield Example(conversation.group or conversation.id, question, ids, names.index(turn.label))
            before.append(parts.stored(measured))

    def _parts(self, taxonomy: str) -> PartsBuilder:
        if self._parts_of is not None:
            return self._parts_of(taxonomy)
        if taxonomy not in self._by_taxonomy:
            labels = load_taxonomy(taxonomy)
            self._by_taxonomy[taxonomy] = PartsBuilder(self._profile, self._tokenizer, labels, self._rule)
        return self._by_taxonomy[taxonomy]
