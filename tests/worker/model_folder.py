"""A model folder without weights: a tokenizer that knows a few words, and a profile of either style."""

from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from prompts.profile import PROFILE_FILE, TOKENIZER_FILE, ModelProfile
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.chat import ChatMessage, Source, Turn
from schemas.prompt import Part, PromptParts
from schemas.request import SanmRequest
from schemas.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("meld")
_WORDS = "[PAD] [UNK] [CLS] [SEP] : , ? one of emotion the last speaker checked again ana ben good bad news so what"
Style = Literal["completion", "chat"]


def make_folder(folder: Path, style: Style = "completion", **changed: Any) -> Path:
    """Write tokenizer and profile."""
    vocabulary = dict.fromkeys([*_WORDS.split(), *(label.word for label in TAXONOMY.labels)])
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.save(str(folder / TOKENIZER_FILE))
    given: dict[str, Any] = {
        "name": "little",
        "template": style,
        "start": "[CLS]",
        "separator": "[SEP]",
        "parts": ("I", "H", "L", "E"),
        "languages": ("en",),
        "taxonomies": ("meld",),
        "token_budget": 480,
        "context_length": 512,
        "history_turns": 5,
    }
    (folder / PROFILE_FILE).write_text(ModelProfile(**(given | changed)).model_dump_json())
    return folder


def roles_of(folder: Path) -> RolePrompts:
    """The prompts of a model folder."""
    return RolePrompts(ModelProfile.read(folder), PromptTokenizer(folder))


def parts_of(
    text: str, style: Style = "completion", parts: tuple[Part, ...] = ("I", "H", "L", "E"), language: str = "en"
) -> PromptParts:
    """One message's prompt, with a turn before it."""
    return PromptParts(
        template=style,
        language=language,
        parts=parts,
        history=(Turn(speaker="ben", text="so what"),),
        message=Turn(speaker="ana", text=text),
        taxonomy=TAXONOMY.name,
        labels=TAXONOMY.labels,
    )


def request_of(prompt: PromptParts, offset: int = 0, **changed: Any) -> SanmRequest:
    """The request with this prompt; every offset is another message of one conversation."""
    then = "2026-03-02T09:30:00Z"
    message = {"message_id": f"m-{offset}", "conversation_id": "c", "speaker": "ana", "sent_at": then}
    return SanmRequest.model_validate(
        {
            "source": Source(topic_id="t", partition=0, offset=offset),
            "after": offset - 1,
            "received_at": then,
            "message": ChatMessage.model_validate(message | {"text": prompt.message.text}),
            "prompt": prompt,
            "prompt_hash": "h",
            "tokenizer": "t",
            "requested_at": then,
        }
        | changed
    )
