import json
from pathlib import Path

import pytest

from trainer.bilingual.development import write_development
from trainer.corpora import READERS, Conversation, LabelledTurn, read
from trainer.errors import CorpusError, UnknownFormatError

MELD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
EMORYNLP = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,Start_Time,End_Time\n"
CPED = (
    "TV_ID,Dialogue_ID,Utterance_ID,Speaker,Gender,Age,Neuroticism,Extraversion,Openness,Agreeableness,"
    "Conscientiousness,Scene,FacePosition_LU,FacePosition_RD,Sentiment,Emotion,DA,Utterance\n"
)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "corpus"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_meld_groups_by_dialogue_and_lowers_labels(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        MELD
        + '1,"Well, look who is here!",Ada,Joy,positive,0,0,1,1,"0:1,1","0:2,1"\n'
        + '2,Hello.,Bo,neutral,neutral,0,1,1,1,"0:1,1","0:2,1"\n'
        + '3,Go away,Ada,anger,negative,1,0,1,1,"0:1,1","0:2,1"\n',
    )
    assert list(read("meld", path)) == [
        Conversation(
            "0",
            "en",
            "meld",
            (LabelledTurn("Ada", "Well, look who is here!", "joy"), LabelledTurn("Bo", "Hello.", "neutral")),
        ),
        Conversation("1", "en", "meld", (LabelledTurn("Ada", "Go away", "anger"),)),
    ]


@pytest.mark.parametrize("written", ["It\x92s late", "It\\x92s late", "It\\u0092s late"])
def test_windows_1252_leftovers_become_what_they_stood_for(tmp_path: Path, written: str) -> None:
    path = write(tmp_path, MELD + f'1,{written},Ada,joy,positive,0,0,1,1,"0:1,1","0:2,1"\n')
    assert next(read("meld", path)).turns[0].text == "It’s late"


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffUtterance,Speaker,Emotion,Dialogue_ID\nHi,Ada,joy,0\n")
    assert next(read("meld", path)).turns[0].text == "Hi"


def test_emorynlp_reads_speaker_lists(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        EMORYNLP
        + "Coffee?,['Ada Bo'],Neutral,1,1,2,3,00:00,00:01\n"
        + "\"Yes, please!\",\"['Cy', 'Di Eff']\",Joyful,1,2,2,3,00:00,00:01\n"
        + "Oh no,['Cy'],Scared,1,1,2,4,00:00,00:01\n",
    )
    first, second = read("emorynlp", path)
    assert [turn.speaker for turn in first.turns] == ["Ada Bo", "Cy, Di Eff"]
    assert [turn.label for turn in first.turns] == ["Neutral", "Joyful"]
    assert first.id != second.id, "scene 1 of another episode is another conversation"


def test_cped_is_chinese_and_keeps_a_telling_scene(tmp_path: Path) -> None:
    row = "1,{id},x,{who},f,young,low,low,low,low,low,{scene},0_0,0_0,neutral,{label},other,{text}\n"
    path = write(
        tmp_path,
        CPED
        + row.format(id="1_0", who="阿达", scene="home", label="worried", text="怎么办呢")
        + row.format(id="1_0", who="小波", scene="unknown", label="neutral", text="别急"),
    )
    (found,) = read("cped", path)
    assert (found.language, found.taxonomy) == ("zh", "cped")
    assert found.turns == (
        LabelledTurn("阿达", "怎么办呢", "worried", "home"),
        LabelledTurn("小波", "别急", "neutral", None),
    )


def test_dailydialog_speakers_take_turns(tmp_path: Path) -> None:
    dialogue = [{"text": text, "emotion": "no_emotion", "act": "inform"} for text in ("One .", "Two .", "Three .")]
    path = write(tmp_path, json.dumps({"fold": "x", "topic": "y", "dialogue": dialogue}) + "\n\n")
    (found,) = read("dailydialog", path)
    assert [turn.speaker for turn in found.turns] == ["A", "B", "A"]
    assert found.turns[2].label == "no_emotion"


def test_emocontext_labels_the_third_turn_only(tmp_path: Path) -> None:
    path = write(tmp_path, "id\tturn1\tturn2\tturn3\tlabel\n7\tHi\tHi you\tI am so glad\thappy\n")
    (found,) = read("emocontext", path)
    assert found.id == "7"
    assert [(turn.speaker, turn.label) for turn in found.turns] == [("A", None), ("B", None), ("A", "happy")]


def test_goemotions_passes_over_several_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "What a day\t3\tx1\nNot sure\t2,6\tx2\n")
    assert [one.turns[0].label for one in read("goemotions", path)] == ["joy", None]


def test_what_is_held_out_is_read_again_as_it_was(tmp_path: Path) -> None:
    posts = [Conversation(f"p#{one}", "en", "sentiment", (LabelledTurn("A", "hi", "neutral"),), "p") for one in (0, 1)]
    write_development(tmp_path, {"twitter2015": posts})
    assert list(read("jsonl", tmp_path / "twitter2015.jsonl")) == posts


def test_jsonl_mixes_conversations_and_needs_no_labels(tmp_path: Path) -> None:
    rows = [
        {"conversation_id": "a", "speaker": "Ada", "text": "hi", "label": "joy", "message_id": "m1"},
        {"conversation_id": "b", "speaker": "Bo", "text": "你好", "language": "zh", "scene": "a shop"},
        {"conversation_id": "a", "speaker": "Cy", "text": "hi!"},
    ]
    path = write(tmp_path, "\n".join(json.dumps(row) for row in rows))
    first, second = read("jsonl", path)
    assert first == Conversation("a", "en", "meld", (LabelledTurn("Ada", "hi", "joy"), LabelledTurn("Cy", "hi!", None)))
    assert second == Conversation("b", "zh", None, (LabelledTurn("Bo", "你好", None, "a shop"),))


def test_jsonl_without_a_language_is_told_from_its_script_as_the_stream_tells_it(tmp_path: Path) -> None:
    rows = [
        {"conversation_id": "a", "speaker": "Bo", "text": "OK"},
        {"conversation_id": "a", "speaker": "Cy", "text": "我们明天一起去吃饭吧"},
        {"conversation_id": "b", "speaker": "Ada", "text": "see you at 7"},
        {"conversation_id": "c", "speaker": "Ada", "text": "你好", "language": "en"},
    ]
    path = write(tmp_path, "\n".join(json.dumps(row) for row in rows))
    assert [one.language for one in read("jsonl", path)] == ["zh", "en", "en"]


@pytest.mark.parametrize(
    ("name", "content", "line", "says"),
    [
        ("meld", "Utterance,Speaker\n", 1, "no column 'Emotion'"),
        ("meld", MELD + "1,Hi,Ada,joy\n", 2, "4 fields, the header has 11"),
        ("meld", MELD + "1,Hi,Ada,glee,positive,0,0,1,1,0,1\n", 2, "no label 'glee'"),
        ("emorynlp", EMORYNLP + "Hi,Ada,Joyful,1,1,1,1,0,1\n", 2, "the speaker is no list"),
        ("dailydialog", '{"dialogue": []}\n', 1, "dialogue"),
        ("dailydialog", '{"dialogue": [{"text": "a", "emotion": "no_emotion"}]}\n{oops\n', 2, "no dialogue"),
        ("emocontext", "1\ta\tb\thappy\n", 1, "4 fields between tabs"),
        ("goemotions", "a\tq\tx\n", 1, "label numbers from 0 to 6"),
        ("jsonl", '{"conversation_id": "a"}\n', 1, "speaker"),
        ("jsonl", '\n{"conversation_id": "a", "speaker": "b", "text": "c", "label": "glee"}\n', 2, "no label 'glee'"),
        ("jsonl", b'{"conversation_id": "a", "speaker": "b", "text": "c"}\n\xff\n', 2, "not UTF-8"),
    ],
)
def test_a_line_that_does_not_parse_is_named(
    tmp_path: Path, name: str, content: str | bytes, line: int, says: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(CorpusError) as caught:
        list(read(name, path))
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match="dailydialog"):
        read("melt", tmp_path)


def test_every_reader_names_a_missing_file(tmp_path: Path) -> None:
    for name in READERS:
        with pytest.raises(FileNotFoundError):
            list(read(name, tmp_path / "none"))
