"""The rules as the API shows them."""

from pathlib import Path

from console.alerts.rules_file import parse_rules
from console.alerts.shown import shown_rules
from console.queries.reader import Reader

TEXT = """
rules:
- {name: everybody, kind: turns, label: anger, turns: 2}
- {name: theirs, kind: turns, label: anger, turns: 2, tenant: umbrella}
"""


def test_a_reader_of_one_tenant_sees_no_others_rules_and_no_paths() -> None:
    rules, file = parse_rules(TEXT, "r"), Path("/etc/rules.yaml")
    all_of_them = shown_rules(rules, file, Reader("ann", None))
    assert [one.name for one in all_of_them.rules] == ["everybody", "theirs"]
    assert (all_of_them.file, all_of_them.webhook) == ("/etc/rules.yaml", False)
    acme = shown_rules(rules, file, Reader("bob", "acme"))
    assert [one.name for one in acme.rules] == ["everybody"]
    assert acme.file is None
    assert acme.rules[0].text == "anger in 2 turns in a row of one speaker"
    assert acme.rules[0].definition["kind"] == "turns"
