from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from prompts.profile import ModelProfile
from prompts.roles import Said
from trainer.corpora import Conversation, LabelledTurn
from trainer.examples import Example, ExampleBuilder
from trainer.rounds import MAX_DECISIONS, negotiation
from trainer.train_base import builder_for


@pytest.fixture
def builder(profile: ModelProfile, tokenizer_json: str) -> ExampleBuilder:
    return builder_for(profile, tokenizer_json)


@pytest.fixture
def example(builder: ExampleBuilder, conversation: Conversation) -> Example:
    return list(builder.examples([conversation]))[-1]


def words(ids: tuple[int, ...], tokenizer_json: str) -> str:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    return " ".join(tokenizer.id_to_token(one) or "none" for one in ids)


def test_a_prompt_holds_earlier_turns_and_never_their_labels(
    builder: ExampleBuilder, conversation: Conversation, tokenizer_json: str
) -> None:
    first, last = builder.examples([conversation])
    assert words(last.question.opening, tokenizer_json) == (
        "[CLS] one of anger , disgust , fear , joy , neutral , sadness , surprise [SEP] "
        "ada : good news [SEP] bo : so what [SEP] ada : bad news [SEP] emotion of the last speaker :"
    )
    assert "bad" not in words(first.question.opening, tokenizer_json)
    assert last.question.parts.labels[last.target].name == "sadness"


def test_turns_without_text_are_neither_asked_about_nor_shown(builder: ExampleBuilder) -> None:
    turns = (LabelledTurn("Ada", "  ", "joy"), LabelledTurn("Bo", "so what", "surprise"))
    (found,) = builder.examples([Conversation("c", "en", "meld", turns)])
    assert found.question.parts.history == ()


def test_conversations_without_labels_give_no_examples(builder: ExampleBuilder) -> None:
    assert list(builder.examples([Conversation("c", "en", None, (LabelledTurn("Ada", "so what"),))])) == []


def test_a_negotiation_decides_at_the_colon_of_every_question(
    builder: ExampleBuilder, example: Example, tokenizer_json: str
) -> None:
    rng = np.random.default_rng(1)
    tokenizer = Tokenizer.from_str(tokenizer_json)
    seen = set()
    for _ in range(200):
        found = negotiation(builder.roles, example, np.full(7, 1 / 7, np.float32), rng)
        seen.add(len(found.decisions))
        assert all(tokenizer.id_to_token(found.ids[place]) == ":" for place in found.decisions)
        assert found.decisions[0] == len(example.question.opening) - 1
        assert found.decisions[-1] == len(found.ids) - 1
        # What a decision sees of earlier answers is what the worker would ask, token by token.
        said = [found.ids[place + 1] for place in found.decisions[:-1]]
        names = {builder.roles.word_id(label.word): label.name for label in example.question.parts.labels}
        answers = [Said("generator" if at % 2 == 0 else "discriminator", names[one]) for at, one in enumerate(said)]
        assert builder.roles.ask(example.question, answers).token_ids == found.ids
    assert seen == set(range(3, MAX_DECISIONS + 1))


def test_a_negotiation_shows_what_the_model_believes(builder: ExampleBuilder, example: Example) -> None:
    belief = np.zeros(9, np.float32)
    belief[4] = 1
    found = negotiation(builder.roles, example, belief, np.random.default_rng(0))
    assert found.ids[found.decisions[0] + 1] == example.label_ids[4]
    assert len(found.decisions) == 3, "two equal answers end it"


def test_the_real_prompt_fits_the_budget_whatever_is_said(profile: ModelProfile, tokenizer_json: str) -> None:
    builder = builder_for(profile, tokenizer_json)
    turns = tuple(LabelledTurn("Ada", "so what " * 900, "joy") for _ in range(8))
    found = list(builder.examples([Conversation("c", "en", "meld", turns)]))
    assert max(len(one.question.opening) for one in found) <= profile.token_budget


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    from prompts.errors import ProfileError
    from prompts.tokenizer import PromptTokenizer

    with pytest.raises(ProfileError, match="tokenizer"):
        PromptTokenizer(tmp_path)
