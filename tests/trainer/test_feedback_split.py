"""The split, the mix and the maps between taxonomies, without Kafka."""

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from prompts.roles import Question
from prompts.settings import PromptSettings, ServedBuilders
from schemas.adapter import OffsetSpan
from schemas.chat import Source, Turn
from schemas.errors import TaxonomyError
from schemas.label_map import load_label_map
from schemas.prompt import PromptParts
from schemas.taxonomy import built_in, load_taxonomy
from trainer.corpora import Conversation, LabelledTurn
from trainer.examples import Example
from trainer.feedback.corpora import load_corpora, unified
from trainer.feedback.errors import MixtureError
from trainer.feedback.labelled import Collected, Counts, LabelledMessage
from trainer.feedback.mix import Categories, Mixed, MixRule, mix, replayed
from trainer.feedback.people import Machines
from trainer.feedback.spans import unseen
from trainer.feedback.split import part_of, split
from trainer.feedback.store import read_collected, write_collected

THEN = datetime(2026, 3, 2, tzinfo=UTC)


def parts(text: str = "well", taxonomy: str = "meld") -> PromptParts:
    labels = load_taxonomy(taxonomy).labels
    return PromptParts(
        template="completion",
        language="en",
        message=Turn(speaker="ana", text=text),
        taxonomy=taxonomy,
        labels=labels,
    )


def labelled(conversation: str, offset: int, label: str = "joy", *, new: bool = True) -> LabelledMessage:
    return LabelledMessage(
        source=Source(topic_id="t", partition=0, offset=offset),
        conversation=conversation,
        parts=parts(),
        label=label,
        annotators=1,
        labelled_at=THEN,
        new=new,
    )


def example(one: LabelledMessage) -> Example:
    names = [label.name for label in one.parts.labels]
    return Example(one.conversation, Question(one.parts, None, (one.source.offset,)), (), names.index(one.label))


def of_corpus(label: str, taxonomy: str = "emocontext") -> Example:
    found = parts("corpus", taxonomy)
    return Example("0", Question(found, None, ()), (), [one.name for one in found.labels].index(label))


def mixed(train: list[LabelledMessage], corpora: list[list[Example]], **rule: object) -> Mixed:
    return mix(train, corpora, MixRule(**rule), example, Categories("meld"))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_a_conversation_is_in_one_part_for_ever_whatever_labels_come(seed: int) -> None:
    draw = random.Random(seed)
    names = [f"{draw.choice(('default', 'acme'))}\x1f{draw.getrandbits(40):x}" for _ in range(300)]
    messages = [labelled(draw.choice(names), offset) for offset in range(900)]
    before, found = split(messages[:400]), split(messages)
    for earlier, later in zip(
        (before.train, before.development, before.held_out),
        (found.train, found.development, found.held_out),
        strict=True,
    ):
        assert set(earlier) <= set(later)
    where = [{one.conversation for one in part} for part in (found.train, found.development, found.held_out)]
    assert sum(map(len, where)) == len(set.union(*where))
    assert sum(map(len, (found.train, found.development, found.held_out))) == 900


def test_the_split_of_known_conversations_never_changes() -> None:
    # Written down once: a change here moves held-out conversations into somebody's training data.
    keys = [f"default\x1fc{number}" for number in range(12)]
    assert [part_of(key)[0] for key in keys] == list("ttdtttdtthht")
    shares = Counter(part_of(f"acme\x1f{number}") for number in range(20_000))
    assert shares["held_out"] == pytest.approx(4000, rel=0.05)
    assert shares["development"] == pytest.approx(2000, rel=0.05)


def test_the_same_conversation_id_of_two_tenants_is_two_conversations() -> None:
    ids = [f"c{number}" for number in range(50)]
    assert [part_of(f"a\x1f{one}") for one in ids] != [part_of(f"b\x1f{one}") for one in ids]


def test_stored_data_come_back_as_they_were(tmp_path: Path) -> None:
    messages = tuple(labelled(f"default\x1fc{number}", number) for number in range(40))
    spans = (OffsetSpan(topic="emotion.labels", partition=0, start=0, end=40),)
    counts = Counts(annotated=41, labelled=40, ties=1, lost_records={"chat.messages": 3})
    written = write_collected(Collected(spans, messages, 0.5, counts), tmp_path)
    assert read_collected(tmp_path) == written
    assert written.split == split(messages)


def test_random_mixing_holds_everything_once_in_the_same_order_for_the_same_seed() -> None:
    train = [labelled("c", offset, new=offset > 5) for offset in range(20)]
    corpus = [of_corpus("happy") for _ in range(10)]
    found = mixed(train, [corpus])
    assert (found.new, found.replayed, found.corpora) == (14, 6, (10,))
    assert sorted(one.question.opening for one in found.examples) == sorted(
        [()] * 10 + [(offset,) for offset in range(20)]
    )
    assert found == mixed(train, [corpus])
    assert found.examples != mixed(train, [corpus], seed=18).examples


def test_equal_mixing_gives_each_emotion_the_same_number_over_all_taxonomies() -> None:
    train = [labelled("c", offset, "neutral" if offset % 10 else "joy") for offset in range(60)]
    corpus = [of_corpus("happy")] * 6 + [of_corpus("sad")] * 4 + [of_corpus("others")] * 5
    found = mixed(train, [corpus], mixing="equal")
    assert found.by_category == {"joy": 25, "neutral": 25, "sadness": 25}
    assert found == mixed(train, [corpus], mixing="equal")
    joys = Counter(one.question.opening for one in found.examples if Categories("meld")(one) == "joy")
    assert {joys[offset,] for offset in range(0, 60, 10)} <= {2, 3}, "each example as often as any other, or once more"


def test_nothing_to_mix_gives_nothing() -> None:
    assert mixed([], [], mixing="equal").examples == ()
    assert mixed([], []).examples == ()


def test_a_share_of_the_older_labels_is_replayed_and_all_new_ones_are_taken() -> None:
    train = [labelled("c", offset, new=offset >= 100) for offset in range(120)]
    found = mixed(train, [], replay_share=0.25)
    assert (found.new, found.replayed) == (20, 25)
    assert {one.question.opening[0] for one in found.examples} >= set(range(100, 120))
    more = replayed([labelled("c", offset) for offset in range(110)], 0.25, 17)
    same = {one.source for one in replayed(train[:100], 0.25, 17)} & {one.source for one in more}
    assert len(same) >= 20, "ten more labels do not draw all anew"


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("ada", False),
        ("sentistream-fan", False),
        ("sentistream-enzh-37m", True),
        ("SentiStream-ENZH-37M ", True),
        ("bot:sentistream-enzh-37m", True),
        ("sentistream-enzh-37m@20261121T031500Z-3f2a", True),
        ("adapter/20270101T000000Z-beef", True),
        ("auto-accept", True),
        ("ada@example.org", False),
    ],
)
def test_models_adapters_and_named_programs_are_no_people(name: str, machine: bool) -> None:  # noqa: FBT001 - a table
    assert Machines(["sentistream-enzh-37m", None, "auto-accept"]).has(name) is machine


def test_labels_beyond_the_last_refresh_are_new_and_all_are_where_the_topic_was_made_anew() -> None:
    def span(partition: int, start: int, end: int) -> OffsetSpan:
        return OffsetSpan(topic="l", partition=partition, start=start, end=end)

    now = [span(0, 5, 20), span(1, 0, 9), span(2, 0, 4), span(3, 30, 40)]
    assert unseen(now, [span(0, 0, 12), span(2, 0, 70), span(3, 0, 10)], "l") == {0: 12, 1: 0, 2: 0, 3: 30}
    assert unseen(now, [], "other") == {}


def test_every_built_in_taxonomy_has_a_map_to_the_usual_one() -> None:
    # Sentiments are no emotions.
    for name in set(built_in()) - {"sentiment"}:
        labels = load_label_map(name, "meld")
        assert labels is not None, name
    assert load_label_map("meld", "cped") is None
    emocontext = load_label_map("emocontext", "meld")
    assert emocontext is not None
    assert [emocontext[one] for one in ("happy", "sad", "angry", "others", "bored")] == [
        "joy",
        "sadness",
        "anger",
        "neutral",
        None,
    ]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("{angry: anger, happy: joy, others: neutral}", "sad"),
        ("{angry: anger, happy: joy, others: neutral, sad: gloom}", "gloom"),
        ("[angry]", "not a usable map"),
    ],
)
def test_a_platforms_own_map_is_checked(tmp_path: Path, labels: str, said: str) -> None:
    (tmp_path / "emocontext-to-meld.yaml").write_text(f"from: emocontext\nto: meld\nlabels: {labels}\n")
    with pytest.raises(TaxonomyError, match=said):
        load_label_map("emocontext", "meld", tmp_path)


def without_cped(usual: str | None = None) -> ServedBuilders:
    """As if the model that ships did not know CPED's labels."""
    builders = ServedBuilders(PromptSettings(taxonomy=usual))
    known = tuple(one for one in builders.profile.taxonomies if one != "cped")
    builders.profile = builders.profile.model_copy(update={"taxonomies": known})
    return builders


def test_a_corpus_keeps_labels_that_the_model_knows_and_others_are_mapped() -> None:
    builders = without_cped()
    own = Conversation("1", "en", "emocontext", (LabelledTurn("A", "hi", "happy"),))
    assert unified(own, builders) is own
    foreign = Conversation(
        "1",
        "en",
        "cped",
        (LabelledTurn("A", "hi", "worried"), LabelledTurn("B", "ok", "positive-other"), LabelledTurn("A", "so")),
    )
    found = unified(foreign, builders)
    assert found.taxonomy == "meld"
    assert [turn.label for turn in found.turns] == ["fear", None, None]


def test_a_corpus_without_a_map_is_refused_by_name() -> None:
    builders = without_cped("emocontext")
    with pytest.raises(MixtureError, match=r"cped-to-emocontext\.yaml"):
        unified(Conversation("1", "en", "cped", (LabelledTurn("A", "hi", "fear"),)), builders)


def test_corpora_are_prompted_as_the_stream_is_and_never_hold_what_is_held_out(tmp_path: Path) -> None:
    said = "this is a long line that nobody would ever say twice"
    lines = [
        "1\thello\tthere\tall good things\thappy",
        f"2\thello\t{said}\tno\tsad",
        "3\tone\ttwo\tthree\tangry",
    ]
    path = tmp_path / "train.txt"
    path.write_text("id\tturn1\tturn2\tturn3\tlabel\n" + "\n".join(lines) + "\n")
    held = labelled("default\x1fc", 1).model_copy(update={"parts": parts(said)})
    builders = ServedBuilders(PromptSettings(history_turns=1))
    (found,) = load_corpora([f"emocontext:1.0:{path}"], builders, [held], seed=1).train
    assert [one.question.parts.message.text for one in found] == ["all good things", "three"]
    assert [len(one.question.parts.history) for one in found] == [1, 1]
    (half,) = load_corpora([f"emocontext:0.5:{path}"], builders, [held], seed=1).train
    assert len(half) == 1


def test_a_tenth_of_a_corpus_is_developed_on_and_never_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("".join(["id\tturn1\tturn2\tturn3\tlabel\n", *(f"{n}\ta\tb\tc {n}\tsad\n" for n in range(500))]))
    builders = ServedBuilders(PromptSettings())
    found = load_corpora([f"emocontext:1.0:{path}"], builders, [], seed=1)
    (developed,) = found.development.values()
    aside = {one.conversation for one in developed}
    assert 30 < len(aside) < 70
    assert not aside & {one.conversation for one in found.train[0]}
    assert len(aside) + len(found.train[0]) == 500
    smaller = load_corpora([f"emocontext:0.5:{path}"], builders, [], seed=2)
    assert list(smaller.development) == ["emocontext (train.txt)"]
    assert {one.conversation for one in smaller.development["emocontext (train.txt)"]} == aside
    path.write_text("".join(["id\tturn1\tturn2\tturn3\tlabel\n", *(f"{n}\ta\tb\tc {n}\tsad\n" for n in range(6000))]))
    large = load_corpora([f"emocontext:0.1:{path}"], builders, [], seed=1)
    assert (len(large.development["emocontext (train.txt)"]), 450 < len(large.train[0]) < 600) == (500, True)


@pytest.mark.parametrize("text", ["emocontext:2:x", "nothing:1.0:x", "emocontext:1.0:/no/such/file"])
def test_a_corpus_that_cannot_be_read_names_the_setting(text: str) -> None:
    with pytest.raises(MixtureError, match="TRAINER_CORPORA"):
        load_corpora([text], ServedBuilders(PromptSettings()), [], seed=1)
