"""What chat models really write, read as far as it can be."""

import json

import pytest

from schemas.taxonomy import Label
from worker.reasoning import match_label, read_answer

LABELS = (
    Label(name="Joyful", word="joy"),
    Label(name="Mad", word="anger"),
    Label(name="高兴", word="高兴"),
)
FULL = {"scenario": "a party", "people": "ann, bob", "relationships": "friends", "reason": "laughs", "label": "joy"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FULL),
        json.dumps(FULL, indent=2),
        f"```json\n{json.dumps(FULL)}\n```",
        f"Sure! Here is the answer:\n{json.dumps(FULL)}\nLet me know {{if}} you need more.",
        f"{{thinking}} {json.dumps(FULL)}",
        f'The format {{"reason": "..."}} is clear. {json.dumps(FULL)}',
        json.dumps(FULL | {"label": "JOYFUL."}),
        json.dumps(FULL | {"label": " 'Joy' "}),
        json.dumps(FULL | {"confidence": 0.9, "nested": {"label": "anger"}}),
    ],
)
def test_the_object_is_found_whatever_stands_around_it(text: str) -> None:
    answer = read_answer(text, LABELS)
    assert (answer.label, answer.reason) == ("Joyful", "laughs")
    assert answer.deduction is not None
    assert answer.deduction.scenario == "a party"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("anger", "Mad"),
        ("**Anger**.", "Mad"),
        ("高兴。", "高兴"),
        ("joy or anger", None),
        ("I will not answer that", None),
        ("", None),
        ("{", None),
        ('{"label": "envy"}', None),
        ('{"label": null}', None),
        ('{"label": ["joy"]}', "Joyful"),
        ('{"label": {"name": "joy"}}', None),
        ('{"reason": "no label"}', None),
        ('["joy"]', None),
        ("{" * 5_000, None),
        ('{"a":' * 100_000, None),
    ],
)
def test_anything_else_is_a_bare_label_or_no_decision(text: str, label: str | None) -> None:
    assert read_answer(text, LABELS).label == label


def test_a_deduction_is_whole_or_none() -> None:
    partial = {name: value for name, value in FULL.items() if name != "people"}
    assert read_answer(json.dumps(partial), LABELS).deduction is None
    assert read_answer(json.dumps(FULL | {"people": ""}), LABELS).deduction is None
    listed = read_answer(json.dumps(FULL | {"people": ["ann", "bob"]}), LABELS).deduction
    assert listed is not None
    assert listed.people == "ann, bob"


def test_words_are_bounded() -> None:
    answer = read_answer(json.dumps(FULL | {"reason": "x" * 10_000}), LABELS)
    assert answer.reason is not None
    assert len(answer.reason) == 1_000


def test_a_label_is_never_guessed_from_a_part() -> None:
    assert match_label("joyless", LABELS) is None
    assert match_label("", LABELS) is None
