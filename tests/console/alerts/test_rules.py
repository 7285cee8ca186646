"""The rules' file: what it may hold, and how it says what is wrong in it."""

from pathlib import Path

import pytest

from console.alerts.errors import RulesError
from console.alerts.rules import ShareRule, TurnsRule
from console.alerts.rules_file import load_rules, parse_rules

EXAMPLE = Path(__file__).parents[3] / "console" / "alerts" / "rules.example.yaml"


def test_the_example_holds_the_rules_that_everybody_asks_for() -> None:
    rules = {rule.name: rule for rule in load_rules(EXAMPLE).rules}
    angry, share = rules["angry-speaker"], rules["negative-share"]
    assert isinstance(angry, TurnsRule)
    assert angry.text == "anger over 0.8 in 3 turns in a row of one speaker"
    assert isinstance(share, ShareRule)
    assert share.text == "negative share over 40 % in 10 minutes of one tenant"
    assert share.definition["share"] == 0.4


def test_without_a_file_there_are_no_rules() -> None:
    assert load_rules(None).rules == ()
    assert parse_rules("", "rules.yaml").rules == ()


RULE = "rules:\n  - name: angry\n    kind: turns\n    label: anger\n    turns: 3\n"
WEBHOOK = "webhooks:\n  team:\n    url: https://hooks.test/one\n    secret_env: SECRET\n"
WRONG = {
    "a number that is none": (RULE.replace("turns: 3", "turns: many"), r"r:5: rules\.0\.turns: Input should be"),
    "a field that is spelt wrong": (RULE + "    confidense: 0.8\n", r"r:6: rules\.0\.confidense: Extra inputs"),
    "a field that is missing": (RULE.replace("    turns: 3\n", ""), r"r:2: rules\.0\.turns: Field required"),
    "no subject": (RULE.replace("label: anger", "severity: info"), r"r:2: rules\.0: say what it is about"),
    "an unknown kind": (RULE.replace("kind: turns", "kind: moods"), r"r:2: rules\.0: .*'turns', 'share'"),
    "two of a name": (RULE + RULE.removeprefix("rules:\n"), r"r:1: the file: two rules are named angry"),
    "an unknown webhook": (RULE + "    webhooks: [team]\n", r"the webhook team, which is not among"),
    "old messages for ever": (RULE + "    consecutive: false\n", r"r:2: rules\.0: .*needs within_minutes"),
    "no YAML": ("rules:\n  - name: [", r"r:2: this is no YAML"),
    "a list": ("- a", r"r:1: the file: Input should be a valid dictionary"),
    "another scheme": (WEBHOOK.replace("https", "ftp"), r"r:3: webhooks\.team\.url: it must begin with https"),
    "unsigned": (WEBHOOK.replace("    secret_env: SECRET\n", ""), r"r:3: webhooks\.team: give one of secret_file"),
    "a share of more than all": (
        "rules:\n- {name: a, kind: share, sentiment: negative, share: 40, minutes: 10}",
        r"r:2: rules\.0\.share: Input should be less than 1",
    ),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_with_line_and_field(text: str, said: str) -> None:
    with pytest.raises(RulesError, match=said):
        parse_rules(text, "r")


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"ALERT_RULES is .*none\.yaml"):
        load_rules(tmp_path / "none.yaml")


def test_an_error_shows_no_secret() -> None:
    text = WEBHOOK.replace("url: https://hooks.test/one", "url: T0P-SECRET")
    with pytest.raises(RulesError) as found:
        parse_rules(text, "r")
    assert "T0P" not in str(found.value)


def test_the_documents_examples_are_taken() -> None:
    page = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text()
    blocks = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]
    found = parse_rules("\n".join(blocks), "docs/alerts.md")
    assert [rule.name for rule in found.rules] == ["angry-speaker", "negative-share"]
    assert found.webhooks.keys() == {"team"}
