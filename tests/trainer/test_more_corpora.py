"""Readers of IEMOCAP, SMP2020, Twitter and CH-SIMS, and second forms of others; all rows are made up."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from trainer.corpora import Conversation, LabelledTurn, format_name, read
from trainer.errors import CorpusError

TWITTER = "index\t#1 Label\t#2 ImageID\t#3 String\t#3 String\n"
CHSIMS = "video_id,clip_id,text,label,label_T,label_A,label_V,annotation,mode\n"


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("written", "name"),
    [("MELD", "meld"), ("CH-SIMS", "chsims"), ("Twitter-2015", "twitter2015"), ("json_lines", "jsonl")],
)
def test_formats_are_known_however_they_are_written(written: str, name: str) -> None:
    assert format_name(written) == name


def test_smp2020_is_an_array_of_posts(tmp_path: Path) -> None:
    posts = [{"id": 1, "content": "太好了", "label": "happy"}, {"id": 2, "content": "哦", "label": "neutral"}]
    path = write(tmp_path, "usual.txt", json.dumps(posts, ensure_ascii=False))
    first, second = read("smp2020", path)
    assert first == Conversation("1", "zh", "smp2020", (LabelledTurn("user", "太好了", "happy"),))
    assert second.turns[0].label == "neutral"


def test_twitter_puts_the_target_into_its_place(tmp_path: Path) -> None:
    rows = "1\t2\tp7.jpg\tMet $T$ at the pier\tBo Ada\n2\t0\tp7.jpg\tMet Bo Ada at $T$\tthe pier\n"
    first, second = read("twitter2017", write(tmp_path, "test.tsv", TWITTER + rows))
    assert first.turns == (LabelledTurn("user", "Met Bo Ada at the pier", "positive", "about Bo Ada"),)
    assert second.turns[0].label == "negative"
    assert second.turns[0].text == first.turns[0].text
    assert first.id != second.id
    assert first.group == second.group == "p7.jpg", "targets of one post are no independent evidence"


def test_chsims_takes_the_annotation_or_else_the_sign(tmp_path: Path) -> None:
    rows = "v1,0001,真好,0.8,1.0,0.4,0.6,Positive,train\nv1,0002,是吗,0.0,0.0,0.0,0.0,Neutral,test\n"
    first, second = read("ch-sims", write(tmp_path, "label.csv", CHSIMS + rows))
    assert [one.turns[0].label for one in (first, second)] == ["positive", "neutral"]
    assert (first.language, first.split, second.split, first.group) == ("zh", "train", "test", "v1")
    plain = write(tmp_path, "plain.csv", "video_id,clip_id,text,label\nv1,1,走开,-0.4\n")
    assert next(read("chsims", plain)).turns[0].label == "negative"


def test_iemocap_as_csv_by_dialogue_columns(tmp_path: Path) -> None:
    rows = (
        "Dialogue_ID,Utterance_ID,Speaker,Emotion,Utterance\n"
        "d1,0,F,ang,Not again!\nd1,1,M,xxx,Well.\nd2,0,M,exc,We won!\n"
    )
    first, second = read("iemocap", write(tmp_path, "iemocap.csv", rows))
    assert [(turn.speaker, turn.label) for turn in first.turns] == [("F", "angry"), ("M", None)]
    assert second.turns[0].label == "excited"


def test_iemocap_as_csv_by_names_of_utterances(tmp_path: Path) -> None:
    rows = "file,transcript,label\nSes01F_impro01_M003,Why?,sad\nSes01F_impro02_F000,Hi,neutral\n"
    first, second = read("iemocap", write(tmp_path, "iemocap.csv", rows))
    assert (first.id, first.turns[0].speaker, second.id) == ("Ses01F_impro01", "M", "Ses01F_impro02")


def iemocap_pickle(folder: Path, *extra: Any) -> Path:
    speakers = {"a": ["M", "F"], "b": ["F"]}
    labels = {"a": [3, 0], "b": [5]}
    texts = {"a": ["No!", "Yes."], "b": ["Again?"]}
    path = folder / "iemocap.pkl"
    path.write_bytes(pickle.dumps([speakers, labels, texts, ["a"], ["b"], [], *extra]))
    return path


def test_iemocap_as_the_pickle_of_instructerc(tmp_path: Path) -> None:
    first, second = read("iemocap", iemocap_pickle(tmp_path))
    assert [(turn.speaker, turn.text, turn.label) for turn in first.turns] == [
        ("M", "No!", "angry"),
        ("F", "Yes.", "happy"),
    ]
    assert (first.split, second.split, second.turns[0].label) == ("train", "test", "frustrated")


def test_a_pickle_runs_no_code(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no plain data"):
        list(read("iemocap", iemocap_pickle(tmp_path, Path)))


def test_original_goemotions_numbers_are_grouped_by_ekman(tmp_path: Path) -> None:
    path = write(tmp_path, "test.tsv", "Great job\t0\tx1\nWhat a mess, ugh\t2,3\tx2\nHm\t27\tx3\nOh, no\t9,26\tx4\n")
    assert [one.turns[0].label for one in read("goemotions", path)] == ["joy", "anger", "neutral", None]


def test_original_dailydialog_has_its_labels_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path, "dialogues_test.txt", "Hi . __eou__ Go away ! __eou__\nWhat ? __eou__\n")
    write(tmp_path, "dialogues_emotion_test.txt", "0 1\n6\n")
    first, second = read("dailydialog", path)
    assert [(turn.speaker, turn.label) for turn in first.turns] == [("A", "no_emotion"), ("B", "anger")]
    assert second.turns[0].label == "surprise"


@pytest.mark.parametrize(
    ("name", "file", "content", "line", "says"),
    [
        ("smp2020", "x.txt", '[{"id": 1, "content": "a", "label": "happy"}, {"id": 2}]', 2, "content"),
        ("smp2020", "x.txt", "[]x", 1, "no post"),
        ("twitter2015", "x.tsv", TWITTER + "1\t4\tp\ta $T$\tb\n", 2, "label 0, 1 or 2"),
        ("twitter2015", "x.tsv", TWITTER + "1\t2\tp\ta\tb\n", 2, "$T$"),
        ("chsims", "x.csv", "video_id,clip_id,text,label\nv,1,a,good\n", 2, "no number"),
        ("iemocap", "x.csv", "speaker,Emotion\nM,sad\n", 1, "no column for the text"),
        ("iemocap", "x.csv", "dialogue,text,label\nd,Hi,glee\n", 2, "no emotion of IEMOCAP"),
        ("iemocap", "x.csv", "file,text,label\nd,Hi,sad\n", 2, "Ses01F_impro01_M003"),
        ("iemocap", "x.pkl", "nothing", 1, "no pickle"),
        ("goemotions", "x.tsv", "a\t28\tb\n", 1, "label numbers"),
    ],
)
def test_a_place_that_does_not_parse_is_named(
    tmp_path: Path, name: str, file: str, content: str, line: int, says: str
) -> None:
    path = write(tmp_path, file, content)
    with pytest.raises(CorpusError) as caught:
        list(read(name, path))
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)
