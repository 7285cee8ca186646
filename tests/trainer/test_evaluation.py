"""Figures of an evaluation from answers that are known."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from prompts.profile import ModelProfile
from trainer.corpora import Conversation, LabelledTurn
from trainer.errors import CorpusError, MisconfiguredError
from trainer.evaluation.answered import Answered, outcome
from trainer.evaluation.baselines import as_json, baselines
from trainer.evaluation.figures import Asked, figures
from trainer.evaluation.material import Material, conversations_of, material_of, taxonomy_for
from trainer.evaluation.results import results
from trainer.evaluation.scores import score
from trainer.evaluation.taught import TrainingFile, taught
from trainer.examples import ExampleBuilder
from trainer.gate.sets import LabelSet, targets
from trainer.metrics import report
from trainer.train_base import builder_for

ASKED = Asked("tiny", "local", "direct", 3, None, 1.0, 0.5)


@pytest.fixture
def builder(profile: ModelProfile, tokenizer_json: str) -> ExampleBuilder:
    return builder_for(profile, tokenizer_json)


def material(builder: ExampleBuilder, taxonomy: str, labels: list[str]) -> Material:
    conversations = [
        Conversation(str(number), "en", taxonomy, (LabelledTurn("Ada", "so what", label),))
        for number, label in enumerate(labels)
    ]
    examples = list(builder.examples(conversations))
    own = LabelSet(examples)
    return Material(taxonomy, taxonomy, taxonomy, examples, own.names, own.of(targets(examples)), 0)


def load_material(
    path: Path, corpus_format: str, builder: ExampleBuilder, profile: ModelProfile, split: str | None = None
) -> Material:
    return material_of(path, corpus_format, conversations_of(path, corpus_format, split), builder, profile)


def found(asked: Material, said: Sequence[str | None], policy: str = "one-pass", **changed: Any) -> dict[str, Any]:
    scores: list[dict[str, float]] = changed.pop("scores", [{} for _ in said])
    firsts = changed.pop("firsts", said)
    answers = [
        Answered(first, one, row, row, calls=1, prompt_tokens=10, completion_tokens=1)
        for first, one, row in zip(firsts, said, scores, strict=True)
    ]
    return figures(asked, outcome(policy, asked, answers), ASKED)


def test_emocontext_leaves_the_others_out(builder: ExampleBuilder) -> None:
    asked = material(builder, "emocontext", ["happy", "sad", "angry", "others", "others", "happy"])
    figure = found(asked, ["happy", "angry", "angry", "others", "sad", "others"])
    # 2 hits among 4 answers and 4 cases of the three emotions.
    assert figure["micro_f1_emotions"] == pytest.approx(2 * 2 / (4 + 4))


def test_dailydialog_averages_the_emotions_that_are_there(builder: ExampleBuilder) -> None:
    asked = material(builder, "dailydialog", ["no_emotion", "happiness", "happiness", "anger"])
    figure = found(asked, ["happiness", "happiness", "happiness", "no_emotion"])
    assert figure["macro_f1_emotions"] == pytest.approx((0.8 + 0.0) / 2)


def test_cped_has_its_three_sentiments_too(builder: ExampleBuilder) -> None:
    asked = material(builder, "cped", ["anger", "happy", "neutral", "depress"])
    scores = [
        {"anger": 0.3, "disgust": 0.3, "happy": 0.4},
        {"relaxed": 1.0},
        {"neutral": 1.0},
        {"neutral": 0.4, "sadness": 0.3, "fear": 0.3},
    ]
    figure = found(asked, ["happy", "relaxed", "neutral", "neutral"], scores=scores)
    assert figure["accuracy"] == 0.25
    assert figure["sentiment_accuracy"] == 0.5, "relaxed is as positive as happy"
    assert figure["sentiment_by_scores_accuracy"] == 1.0, "the negative ones together are likelier"
    assert {"sentiment_macro_f1", "sentiment_weighted_f1"} <= figure["intervals"].keys()


def test_outliers_are_wrong_and_flips_are_counted(builder: ExampleBuilder) -> None:
    asked = material(builder, "meld", ["joy", "anger", "fear", "fear"])
    figure = found(asked, ["joy", None, "fear", "joy"], "paper", firsts=["joy", "anger", "joy", "joy"])
    assert (figure["accuracy"], figure["outliers"]) == (0.5, 1)
    assert (figure["right_to_wrong"], figure["wrong_to_right"]) == (1, 1)
    assert figure["accuracy_change"] == 0
    assert figure["confusion"][asked.names.index("anger")][-1] == 1
    assert figure["ece"] is None, "there were no scores"
    assert (figure["model_calls"], figure["tokens"]) == (4, 44)


def test_scores_are_those_of_the_plain_report() -> None:
    rng = np.random.default_rng(5)
    truth, said = rng.integers(0, 4, (2, 300))
    names = ["a", "b", "c", "d"]
    ours = score(truth, said, [str(one // 10) for one in range(300)], names).observed()
    plain = report(truth, said, names)
    assert (ours["accuracy"], ours["macro_f1"], ours["weighted_f1"]) == pytest.approx(
        (plain.accuracy, plain.macro_f1, plain.weighted_f1)
    )


def test_the_interval_of_a_known_share_is_as_wide_as_it_must_be() -> None:
    """400 answers in as many conversations, 80 % right: a normal interval is 0.8 ± 1.96 sqrt(0.8 0.2 / 400)."""
    truth = np.zeros(400, dtype=np.int64)
    said = np.where(np.arange(400) < 320, 0, 1)
    alone = score(truth, said, [str(one) for one in range(400)], ["a", "b"])
    low, high = alone.intervals()["accuracy"]
    assert (low, high) == pytest.approx((0.8 - 0.0392, 0.8 + 0.0392), abs=0.006)
    # The same in conversations of ten that are right or wrong as a whole is a tenth of the evidence.
    together = score(truth, said, [str(one // 10) for one in range(400)], ["a", "b"]).intervals()["accuracy"]
    assert together[1] - together[0] == pytest.approx((high - low) * np.sqrt(10), rel=0.15)


def test_a_taxonomy_that_nothing_maps_is_named_with_those_that_are_known(profile: ModelProfile) -> None:
    assert taxonomy_for("emorynlp", profile) == "meld"
    narrow = profile.model_copy(update={"taxonomies": ("emocontext",)})
    with pytest.raises(MisconfiguredError, match=r"taxonomy cped.*does know \(emocontext\)"):
        taxonomy_for("cped", narrow)


def test_a_bilingual_model_is_asked_in_the_corpuss_own_labels(
    profile: ModelProfile, tokenizer_json: str, tmp_path: Path
) -> None:
    bilingual = profile.model_copy(update={"languages": ("en", "zh"), "taxonomies": ("meld", "cped")})
    path = tmp_path / "split.csv"
    path.write_text("Dialogue_ID,Speaker,Scene,Emotion,Utterance\n1,阿达,home,worried,怎么办呢\n", encoding="utf-8")
    loaded = load_material(path, "cped", builder_for(bilingual, tokenizer_json), bilingual)
    assert (loaded.asked, len(loaded.names), loaded.examples[0].question.parts.language) == ("cped", 13, "zh")
    with pytest.raises(MisconfiguredError, match="in zh, and model tiny knows en only"):
        load_material(path, "cped", builder_for(profile, tokenizer_json), profile)


def test_labels_without_a_counterpart_are_left_out(
    builder: ExampleBuilder, profile: ModelProfile, tmp_path: Path
) -> None:
    path = tmp_path / "emorynlp.csv"
    head = "Utterance,Speaker,Emotion,Scene_ID,Season,Episode"
    path.write_text(f"{head}\nso what,['Ada'],Joyful,1,1,1\nit is,['Bo'],Peaceful,1,1,1\n")
    loaded = load_material(path, "emorynlp", builder, profile)
    assert (len(loaded.examples), loaded.left_out, loaded.asked) == (1, 1, "meld")


def test_a_split_that_is_not_there_is_named(builder: ExampleBuilder, profile: ModelProfile, tmp_path: Path) -> None:
    path = tmp_path / "valid.json"
    path.write_text('{"fold": "validation", "dialogue": [{"text": "hi", "emotion": "anger"}]}\n')
    assert len(load_material(path, "dailydialog", builder, profile, "validation").examples) == 1
    with pytest.raises(CorpusError, match="no conversation of split 'test'; found validation"):
        load_material(path, "dailydialog", builder, profile, "test")


def test_sentiments_beside_emotions_are_refused_where_the_model_knows_none(
    builder: ExampleBuilder, profile: ModelProfile, tmp_path: Path
) -> None:
    path = tmp_path / "both.jsonl"
    line = '{"conversation_id": "%s", "speaker": "Ada", "text": "so what", "taxonomy": "%s", "label": "%s"}'
    path.write_text("\n".join([line % ("1", "sentiment", "positive"), line % ("2", "meld", "joy")]))
    with pytest.raises(CorpusError, match="labels of sentiment beside those of meld, and model tiny knows no"):
        load_material(path, "jsonl", builder, profile)


def test_baselines_learn_nothing_from_what_is_asked(
    builder: ExampleBuilder, profile: ModelProfile, tmp_path: Path
) -> None:
    whole = tmp_path / "valid.csv"
    rows = [f"so what {number},Ada,joy,{number}" for number in range(4)]
    whole.write_text("\n".join(["Utterance,Speaker,Emotion,Dialogue_ID", *rows]))
    held_out = tmp_path / "meld.jsonl"
    line = '{"conversation_id": "%d", "speaker": "Ada", "text": "so what %d", "label": "joy"}'
    held_out.write_text("\n".join([line % (2, 2), line % (5, 5)]))
    conversations = conversations_of(held_out, "jsonl")
    asked = material_of(held_out, "jsonl", conversations, builder, profile)
    known = taught([TrainingFile.parse(f"MELD:{whole}", "jsonl")], asked, conversations, builder, profile)
    assert [text for _, text, _ in known] == ["so what 0", "so what 1", "so what 3"]
    assert TrainingFile.parse("c:/train.csv", "meld") == TrainingFile("meld", Path("c:/train.csv"))
    foreign = tmp_path / "train.txt"
    foreign.write_text("1\tso\twhat\tit is\thappy\n")
    narrow = profile.model_copy(update={"taxonomies": ("meld", "emocontext")})
    with pytest.raises(CorpusError, match="its labels happy are none of those that are asked for"):
        taught([TrainingFile("emocontext", foreign)], asked, conversations, builder, narrow)


def test_a_baseline_gives_the_commonest_label_of_its_training_file(builder: ExampleBuilder) -> None:
    asked = material(builder, "meld", ["joy", "joy", "anger"])
    train = [("en", f"good {number}", "anger") for number in range(5)] + [("en", "bad", "joy")] * 2
    found = as_json(baselines(asked, train))
    assert found["commonest"]["accuracy"] == pytest.approx(1 / 3)
    assert found["tfidf"]["trained_on"] == 7


def test_a_baseline_that_finds_no_words_says_the_commonest_label(builder: ExampleBuilder) -> None:
    asked = material(builder, "meld", ["joy", "anger", "anger"])
    found = as_json(baselines(asked, [("en", "!", "anger"), ("en", "?", "anger"), ("en", ":-)", "joy")]))
    assert found["tfidf"]["accuracy"] == found["tfidf_balanced"]["accuracy"] == pytest.approx(2 / 3)


def test_a_baseline_learns_the_three_sentiments_as_such(builder: ExampleBuilder) -> None:
    """The commonest emotion is neutral, and the commonest sentiment negative: published baselines are of sentiments."""
    asked = material(builder, "cped", ["anger", "sadness", "fear", "neutral"])
    train = [("en", "so what", "neutral")] * 3 + [
        ("en", "bad news", label) for label in ("anger", "fear", "worried", "depress")
    ]
    found = as_json(baselines(asked, train))
    assert found["commonest"]["accuracy"] == 0.25
    assert found["commonest"]["sentiment_accuracy"] == 0.75
    one_sentiment = as_json(baselines(asked, [("en", "bad news", "anger"), ("en", "bad it is", "fear")]))
    assert one_sentiment["tfidf"]["sentiment_accuracy"] == 0.75


def test_sentiments_are_compared_with_one_pass_too(builder: ExampleBuilder) -> None:
    asked = material(builder, "cped", ["anger", "happy", "neutral", "depress"])
    said = ["happy", "relaxed", "neutral", "fear"]
    figure = found(asked, said, "calibrated", firsts=["fear", "relaxed", "neutral", "depress"])
    assert figure["sentiment_accuracy_change"] == -0.25, "anger's fear was negative enough, and happy is not"
    assert figure["sentiment_macro_f1_change_low"] <= figure["sentiment_macro_f1_change"] < 0


def evaluated(one: dict[str, Any], file: str = "valid.txt", **changed: Any) -> dict[str, Any]:
    """As ``sentistream evaluate --json`` writes it."""
    words = {"file": file, "command": f"sentistream evaluate {file} --format {one['format']}"}
    return one | words | {"policies": {one["policy"]: one}, "baselines": {}} | changed


def test_the_document_of_results_names_its_commands(builder: ExampleBuilder, tmp_path: Path) -> None:
    asked = material(builder, "emocontext", ["happy", "others"])
    one = found(asked, ["happy", "others"])
    baseline = {"commonest": {"micro_f1_emotions": 0.0}}
    write(tmp_path / "emocontext.json", evaluated(one, baselines=baseline))
    write(tmp_path / "emocontext-rounds1.json", evaluated(one, rounds=1, policies={"paper": one}))
    text = results(tmp_path)
    assert "| emocontext: valid.txt | 2 | micro-F1 of happy, sad, angry | 100.0 [" in text
    assert "sentistream evaluate valid.txt --format emocontext" in text
    assert "## Rounds" in text


@pytest.mark.parametrize(
    ("taxonomy", "label", "shown"),
    [
        ("dailydialog", "anger", "macro-F1 of the six emotions"),
        ("emocontext", "sad", "micro-F1 of happy, sad, angry"),
        ("goemotions-ekman", "joy", "macro-F1"),
        ("smp2020", "happy", "macro-F1"),
        ("sentiment", "positive", "accuracy"),
        ("meld", "joy", "weighted F1"),
    ],
)
def test_a_held_out_part_in_json_lines_is_compared_by_its_corpuss_figure(
    builder: ExampleBuilder, tmp_path: Path, taxonomy: str, label: str, shown: str
) -> None:
    one = found(material(builder, taxonomy, [label]), [label]) | {"format": "jsonl"}
    write(tmp_path / "held-out.json", evaluated(one, "held-out.jsonl"))
    assert f"| jsonl: held-out.jsonl | 1 | {shown} | 100.0 [" in results(tmp_path)


def test_the_negotiation_is_judged_by_the_corpuss_own_figures(builder: ExampleBuilder, tmp_path: Path) -> None:
    asked = material(builder, "cped", ["anger", "happy", "neutral", "depress"])
    firsts = ["anger", "relaxed", "neutral", "depress"]
    one, other = found(asked, firsts), found(asked, ["anger", "happy", "neutral", "happy"], "calibrated", firsts=firsts)
    other |= {"model_s_ratio": 1.125}
    write(tmp_path / "cped.json", evaluated(one, "split.csv", policies={"one-pass": one, "calibrated": other}))
    (emotions, sentiments) = [line for line in results(tmp_path).splitlines() if "| calibrated |" in line]
    change = 100 * (other["macro_f1"] - one["macro_f1"])
    assert emotions.startswith(f"| cped: split.csv | macro-F1 | calibrated | 66.7 | {change:+.2f} [")
    assert sentiments.startswith("| cped: split.csv | macro-F1 of the three sentiments | calibrated | 77.8 | -22.22 [")
    assert "| 1.12 |" in emotions, "model time against one pass"


def test_figures_of_two_models_stand_in_tables_of_their_own(builder: ExampleBuilder, tmp_path: Path) -> None:
    one = found(material(builder, "meld", ["joy"]), ["joy"])
    write(tmp_path / "meld.json", evaluated(one, "dev.csv"))
    write(tmp_path / "meld-old.json", evaluated(one, "dev.csv", model="old"))
    write(tmp_path / "meld-server.json", evaluated(one, "dev.csv", engine="openai"))
    text = results(tmp_path)
    for title in ("tiny", "old", "tiny by engine openai"):
        assert f"## One pass, by corpus: {title}\n" in text


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_bytes(orjson.dumps(content))
