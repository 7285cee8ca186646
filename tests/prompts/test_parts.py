"""What a prompt shows of its conversation, and that it never exceeds its budget."""

import itertools
import random
from collections.abc import Callable

import pytest

from prompts.parts import (
    DEDUCTION_TOKENS,
    MAX_TURN_TOKENS,
    HistoryRule,
    PartsBuilder,
    prompt_hash,
)
from prompts.roles import RolePrompts
from prompts.windows import OfflineWindows
from schemas.chat import ChatMessage, Source
from schemas.prompt import Part, PromptParts
from tests.prompts.chatter import conversation, message
from tests.prompts.conftest import MakeBuilder

MakeRoles = Callable[..., RolePrompts]
EVERY_PART: list[tuple[Part, ...]] = [("I", "H", "L"), ("I", "H", "L", "E"), ("H",), ("I",), ()]


def prompts_of(builder: PartsBuilder, messages: list[ChatMessage]) -> list[PromptParts]:
    records = ((Source(topic_id="t", partition=0, offset=at), one) for at, one in enumerate(messages))
    return [parts for _, parts in OfflineWindows(builder).prompts(records)]


def built(builder: PartsBuilder, *messages: ChatMessage) -> PromptParts:
    return prompts_of(builder, list(messages))[-1]


@pytest.mark.parametrize("parts", EVERY_PART, ids="".join)
@pytest.mark.parametrize("budget", [64, 200, 480])
@pytest.mark.parametrize("template", ["completion", "brief"])
def test_no_prompt_is_longer_than_its_budget(
    make_builder: MakeBuilder, make_roles: MakeRoles, parts: tuple[Part, ...], budget: int, template: str
) -> None:
    spare = DEDUCTION_TOKENS if "E" in parts else 0
    budget += spare
    builder = make_builder(parts=parts, token_budget=budget, template=template)
    roles = make_roles(token_budget=budget, template=template)
    for seed in range(8):
        for made in prompts_of(builder, conversation(random.Random(seed), 12)):
            used = len(roles.open(made).opening)
            assert used <= budget - spare, f"seed {seed}"
            assert len(made.history) <= 5


@pytest.mark.parametrize("template", ["completion", "brief"])
def test_the_budget_is_used_where_there_is_more_to_show(
    make_builder: MakeBuilder, make_roles: MakeRoles, template: str
) -> None:
    long = message("well , " * 900)
    used = len(make_roles().open(built(make_builder(template=template), long)).opening)
    assert 470 <= used <= 480
    turns = [message("she came home late again and said nothing at all " * 8, at) for at in range(12)]
    used = len(make_roles().open(built(make_builder(), *turns)).opening)
    assert used > 480 - MAX_TURN_TOKENS


def test_counts_add_up_to_the_very_token(make_builder: MakeBuilder, make_roles: MakeRoles) -> None:
    builder, roles = make_builder(parts=("I", "H", "L")), make_roles()
    for one in conversation(random.Random(3), 40):
        (turn,) = builder.measure([one])
        if turn.tokens > 300 or one.scene:
            continue
        alone = len(roles.open(builder.build(one, turn, ())).opening)
        assert alone == builder._fixed_tokens("zh" if "我" in one.text and "x" not in one.text else "en") + turn.tokens


def test_old_turns_go_first_then_the_scenes_end_then_the_messages(make_builder: MakeBuilder) -> None:
    builder = make_builder(token_budget=100)
    turns = [message(f"turn number {at} is of a middling length , more or less", at) for at in range(5)]
    few = built(builder, *turns, message("ok", 9))
    assert 0 < len(few.history) < 5
    assert [turn.text.split()[2] for turn in few.history] == [str(at) for at in range(5 - len(few.history), 5)]

    scene = "a kitchen at night with a broken lamp and many people " * 10
    seen = built(builder, *turns, message("ok", 9, scene=scene))
    assert seen.scene is not None
    assert scene.startswith(seen.scene)
    assert len(seen.history) < len(few.history)

    text = "you never listen to anything that i say " * 100
    cut = built(builder, *turns, message(text, 9, scene=scene))
    assert (cut.scene, cut.history) == (None, ())
    assert text.startswith(cut.message.text)
    assert cut.message.text.split()[-1] in text.split()


def test_a_text_without_any_space_is_cut_all_the_same(make_builder: MakeBuilder) -> None:
    for text in ("好" * 5_000, "." * 5_000, "a1" * 40 + ".b2" * 2_000, "é," * 2_500):
        shown = built(make_builder(), message(text)).message.text
        assert text.startswith(shown)
        assert 100 < len(shown) < 3_000
    # Such a word is a single unknown one to this vocabulary.
    assert len(built(make_builder(), message("x" * 5_000)).message.text) == 5_000


def test_only_so_many_turns_and_only_of_this_session(make_builder: MakeBuilder) -> None:
    turns = [message(f"turn {at}", at * 10.0) for at in range(8)]
    assert [one.text for one in built(make_builder(), *turns).history] == [f"turn {at}" for at in range(2, 7)]
    assert built(make_builder(HistoryRule(turns=0, session_gap=3600)), *turns).history == ()
    one = make_builder(HistoryRule(turns=1, session_gap=3600))
    assert [turn.text for turn in built(one, *turns).history] == ["turn 6"]

    builder = make_builder()
    measured = builder.measure(turns)
    assert builder.choose(turns[-1], measured[-1], measured[:-1]).history == tuple(measured[2:7])

    rule = HistoryRule(turns=5, session_gap=60.0)
    late = [message("a", 0), message("b", 30), message("c", 91), message("d", 151)]
    assert [turn.text for turn in built(make_builder(rule), *late).history] == ["c"]
    assert built(make_builder(rule), *late, message("e", 5_000)).history == ()
    # The gap is between neighbours, not to the message: a long talk is one session.
    talk = [message(f"t{at}", at * 59.0) for at in range(5)]
    assert len(built(make_builder(rule), *talk).history) == 4


def test_a_long_turn_is_stored_short(make_builder: MakeBuilder) -> None:
    builder = make_builder()
    (turn,) = builder.measure([message("well , " * 900)])
    stored = builder.stored(turn)
    assert turn.tokens > MAX_TURN_TOKENS >= stored.tokens > MAX_TURN_TOKENS - 5
    assert builder.stored(stored) == stored
    assert builder.recounted(stored) == stored


def test_parts_are_switched_off_one_by_one(make_builder: MakeBuilder, make_roles: MakeRoles) -> None:
    talk = [message("first"), message("second", 5)]
    lengths = {}
    for parts in EVERY_PART:
        made = built(make_builder(parts=parts), *talk)
        assert made.parts == parts
        assert bool(made.history) == ("H" in parts)
        lengths[parts] = len(make_roles().open(made).opening)
    assert lengths[()] < lengths["I",] < lengths["I", "H", "L"]
    assert lengths["I", "H", "L"] == lengths["I", "H", "L", "E"], "E costs nothing before it is known"


def test_what_the_stream_encodes_is_what_the_parts_are(make_builder: MakeBuilder) -> None:
    for parts in EVERY_PART:
        builder = make_builder(parts=parts)
        window: list[ChatMessage] = []
        for one in conversation(random.Random(11), 30):
            turns = builder.measure([*window[-5:], one])
            before = [builder.stored(turn) for turn in turns[:-1]]
            bytes_ = builder.encode(builder.choose(one, turns[-1], before))
            made = builder.build(one, turns[-1], before)
            assert PromptParts.model_validate_json(bytes_) == made
            assert bytes_ == made.model_dump_json(exclude_none=True).encode()
            window.append(one)


def test_the_hash_stays_what_it_was(make_builder: MakeBuilder) -> None:
    made = built(make_builder(), message("you said friday ."), message("i know , sorry", 5, speaker="ben"))
    # A change of this value makes every stored hash incomparable: a new template name is the better way.
    assert prompt_hash(made) == "ea8bf0a85bacf4b027eb5cccb4cf9705c5cfe28c8a5c953e1fa756b5c00160b8"


def test_the_hash_sees_all_that_the_model_sees(make_builder: MakeBuilder) -> None:
    first, second = message("first"), message("second", 5)
    base = built(make_builder(), first, second)
    others = [
        built(make_builder(), second),
        built(make_builder(), message("First!"), second),
        built(make_builder(), message("first", speaker="ben"), second),
        built(make_builder(), first, message("second!", 5)),
        built(make_builder(), first, message("second", 5, scene="a kitchen")),
        built(make_builder(), first, message("second", 5, language="zh")),
        built(make_builder(taxonomy="emorynlp"), first, second),
        built(make_builder(parts=("I", "H")), first, second),
        built(make_builder(template="chat"), first, second),
    ]
    hashes = [prompt_hash(one) for one in (base, *others)]
    assert len(set(hashes)) == len(hashes)
    again = built(make_builder(), first, message("second", 5, message_id="other", tenant="default"))
    assert prompt_hash(again) == hashes[0]


def test_tenants_conversations_and_replays_see_their_own_window(make_builder: MakeBuilder) -> None:
    talk = [
        message("a1", 0, conversation_id="a"),
        message("b1", 1, conversation_id="b"),
        message("other tenant", 2, conversation_id="a", tenant="t2"),
        message("a2", 3, conversation_id="a"),
        message("a2", 900, conversation_id="a", replay_of=Source(topic_id="t", partition=0, offset=3)),
        message("a3", 5, conversation_id="a"),
    ]
    seen = [[turn.text for turn in parts.history] for parts in prompts_of(make_builder(), talk)]
    assert seen == [[], [], [], ["a1"], ["a1"], ["a1", "a2"]]


def test_a_replay_of_the_topic_gives_the_same_hashes(make_builder: MakeBuilder) -> None:
    talk = conversation(random.Random(5), 60)
    first, again = (list(map(prompt_hash, prompts_of(make_builder(), talk))) for _ in range(2))
    assert first == again
    assert len(set(first)) > 50


def test_speakers_are_named_whatever_they_are_called(make_builder: MakeBuilder) -> None:
    names = {"s" * 200: "s" * 32, "\u200b\u200b": "?", "  li  lei ": "li lei"}
    for given, shown in names.items():
        assert built(make_builder(), message("hello", speaker=given)).message.speaker == shown


def test_every_taxonomy_that_the_small_model_knows_leaves_room(make_builder: MakeBuilder) -> None:
    for taxonomy, language in itertools.product(("meld", "emorynlp", "emocontext", "goemotions-ekman"), ("en", "zh")):
        builder = make_builder(taxonomy=taxonomy)
        assert builder._fixed_tokens(language) < 100
