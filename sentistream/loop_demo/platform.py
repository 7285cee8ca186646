"""EmoContext as a platform: its conversations as messages, its labels in the words of the model's label set."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from schemas.chat import MAX_TEXT_CHARACTERS, ChatMessage
from schemas.label_map import load_label_map
from sentistream.errors import SentistreamError
from trainer.corpora import Conversation, read
from trainer.errors import TrainerError

TAXONOMY: Final = "meld"


@dataclass(frozen=True, slots=True)
class PlatformConversation:
    """Three turns of two people; the third has a label.

    Attributes:
        id: as the platform names it.
        turns: speaker and text.
        label: of the last turn, in the model's label set.
    """

    id: str
    turns: tuple[tuple[str, str], ...]
    label: str

    def messages(self) -> Iterator[ChatMessage]:
        """As they are sent now."""
        for number, (speaker, text) in enumerate(self.turns):
            yield ChatMessage(
                message_id=f"{self.id}-{number}",
                conversation_id=self.id,
                speaker=speaker,
                text=text[:MAX_TEXT_CHARACTERS],
                sent_at=datetime.now(UTC),
                language="en",
            )

    @property
    def labelled_message(self) -> str:
        """The id of the message that people label."""
        return f"{self.id}-{len(self.turns) - 1}"


def mapped(path: Path) -> list[Conversation]:
    """EmoContext's conversations with labels of the model's own set: happy is joy, others neutral.

    Raises:
        SentistreamError: the file cannot be read.
    """
    labels = load_label_map("emocontext", TAXONOMY)
    if labels is None:
        raise SentistreamError(f"no map from emocontext to {TAXONOMY}: the package is not complete")
    try:
        found = list(read("emocontext", path))
    except (TrainerError, OSError) as error:
        raise SentistreamError(f"EmoContext cannot be read: {error}") from error
    return [
        replace(
            one,
            taxonomy=TAXONOMY,
            turns=tuple(replace(turn, label=labels[turn.label] if turn.label else None) for turn in one.turns),
        )
        for one in found
    ]


def conversations(path: Path, run: str, seed: int) -> list[PlatformConversation]:
    """Those whose turns all hold text, in an order of their own."""
    found = [one for one in mapped(path) if all(turn.text.strip() for turn in one.turns) and one.turns[-1].label]
    order = np.random.default_rng(seed).permutation(len(found))
    return [
        PlatformConversation(
            f"{run}-{found[index].id}",
            tuple((turn.speaker, turn.text) for turn in found[index].turns),
            str(found[index].turns[-1].label),
        )
        for index in order
    ]
