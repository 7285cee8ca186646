"""In Chinese nothing is said in English: what the API says in words, the page says by its code."""

import re
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from playwright.sync_api import Page

from console.alerts.rules import TurnsRule
from console.api import models as m
from console.codes import HealthCode, PortCode, ProblemCode
from tests.console.web import believable, believable_rest
from tests.console.web.conftest import OpenPage, Watched, settled
from tests.console.web.fixture_api import Stage
from tests.console.web.test_views import FULL, turn_to
from tests.trainer.test_gate_rules import compared
from trainer.gate.report import RuleCode
from trainer.gate.rules import judge_figures
from trainer.gate.settings import GateSettings

WORDS = Path(__file__).parents[3] / "console" / "web" / "js" / "locales" / "api_zh.js"
#: What shows on the page, but for names, code, people's texts, and what is marked as English.
PROSE = """() => {
  const found = [];
  const open = [...document.querySelectorAll("details")].filter((one) => !one.matches(".original"));
  open.forEach((one) => { one.open = true; });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const skip = "code, kbd, bdi, .said, .brand, [lang=en], script, .model-name, .mono, option, .deduction";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.parentElement.closest(skip) && node.parentElement.checkVisibility()) found.push(node.data.trim());
  }
  for (const one of document.querySelectorAll("[title], [aria-label]")) {
    if (one.closest(skip)) continue;
    found.push(one.title, one.getAttribute("aria-label") ?? "");
  }
  return [...new Set(found.filter(Boolean))];
}"""
#: Two English words side by side, that are no command, setting, path, right or name of a topic.
ENGLISH = re.compile(r"(?<![\w./:-])[A-Za-z][a-z']+,? [a-z][a-z']+(?![\w./:-])")
COMMAND = re.compile(r"`[^`]*`|sentistream [a-z]+|Describe on (group|topic) [\w.-]+|\S*[._/:]\S*")


def english(page: Page) -> list[str]:
    """What is said in English on a page that is set to Chinese."""
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    texts: list[str] = page.evaluate(PROSE)
    return [f"{page.url}: {one}" for one in texts if ENGLISH.search(COMMAND.sub("", one))]


def words() -> dict[str, str]:
    """The texts by code; some stand on a line of their own."""
    return dict(re.findall(r'^  "([^"]+)":\s+"(.*)",$', WORDS.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_search_finds_what_it_is_for(open_page: OpenPage) -> None:
    page = settled(open_page("health", locale="zh-CN"))
    page.evaluate("document.querySelector('h1').textContent = 'nobody is at work'")
    assert english(page)


def test_no_view_says_anything_in_english(open_page: OpenPage) -> None:
    page = open_page("live", locale="zh-CN")
    page.locator(".row").first.wait_for()
    found = []
    for view in FULL:
        found += english(turn_to(page, view))
    assert not found


def test_nor_does_one_where_something_is_wrong(open_page: OpenPage, stage: Stage, watched: Watched) -> None:
    watched.allowed += ["503", "404", "401"]
    page = open_page("health", locale="zh-CN")
    found = []
    stage.sick = True
    found += english(turn_to(page, "health"))
    kinds: tuple[Literal["kafka", "worker"], ...] = ("kafka", "worker")
    for kind in kinds:
        stage.unseen = kind
        turn_to(page, "live")
        found += english(turn_to(page, "health"))
    found += english(turn_to(page, "conversations/nobody"))
    stage.trouble = True
    found += english(turn_to(page, "model"))
    stage.down = True
    for view in FULL:
        found += english(turn_to(page, view)) if view != "live" else []
    stage.signed_in = False
    page.reload()
    page.get_by_label("令牌", exact=True).fill("wrong")
    page.get_by_role("button", name="登录").click()
    page.locator(".note.bad:not([hidden])").wait_for()
    assert not found + english(page)


def test_nor_does_a_message_about_what_failed(open_page: OpenPage, stage: Stage, watched: Watched) -> None:
    watched.allowed.append("503")
    page = settled(open_page("health", locale="zh-CN"))
    stage.down = True
    page.get_by_role("button", name="全部重放").first.click()
    page.locator(".toast.bad").wait_for()
    assert not english(page)
    # Who helps may want what was said.
    page.locator(".toast .original summary").click()
    page.get_by_text("See that the database runs").wait_for()


@pytest.mark.parametrize(
    "code", [*get_args(PortCode), *get_args(ProblemCode), *get_args(HealthCode), *get_args(RuleCode)]
)
def test_each_code_has_words(code: str) -> None:
    assert words()[code]


def test_the_places_of_the_gates_words_are_among_its_facts() -> None:
    gate = believable_rest.adapters(believable.world(3)).versions[0].gate
    assert gate is not None
    other_reading = judge_figures(compared(), GateSettings(gate_calibration_beyond_chance=True))
    facts = {rule.code: rule.facts for rule in gate.rules} | {rule.code: rule.facts for rule in other_reading}
    for code, found in facts.items():
        assert code is not None
        assert set(re.findall(r"\{(\w+)\}", words()[code])) <= set(found), code


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "同一说话人连续 3 轮愤怒"),
        ({"confidence": 0.8}, "同一说话人连续 3 轮愤怒（置信度高于 80%）"),
        ({"of": "conversation", "consecutive": False, "within_minutes": 5}, "5 分钟内同一会话 3 轮愤怒"),
    ],
)
def test_a_rule_is_told_by_its_fields(open_page: OpenPage, given: dict[str, Any], said: str) -> None:
    rule = TurnsRule.model_validate({"name": "a", "kind": "turns", "label": "anger", "turns": 3} | given)
    page = settled(open_page("alerts", locale="zh-CN"))
    told = page.evaluate(
        "async (rule) => (await import('./js/api_words.js')).ruleWords(rule, 'in English')", arg=rule.definition
    )
    assert told == said


def test_what_this_page_does_not_know_is_shown_as_it_is(open_page: OpenPage) -> None:
    page = settled(open_page("alerts", locale="zh-CN"))
    told = page.evaluate("async () => (await import('./js/api_words.js')).apiWords('of_tomorrow', {}, 'as it is')")
    assert told == "as it is"
    part = m.Finding(code="hidden", facts={"lacking": "x"}).model_dump()
    text = page.evaluate(
        "async (one) => (await import('./js/api_words.js')).findingWords({ text: 'a', to_do: null, findings: [one] })",
        arg=part,
    )
    assert text[0] == "看不到：控制台的登录名缺少权限 x。"
