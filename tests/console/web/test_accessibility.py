"""axe-core finds nothing serious: light and dark, English and Chinese, wide and narrow, full and empty."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.console.web import believable
from tests.console.web.conftest import OpenPage, Watched, settled
from tests.console.web.fixture_api import Stage
from tests.console.web.test_views import FULL, turn_to

LOOKS = {
    "wide-light-en": {"width": 1280, "theme": "light", "locale": "en-GB"},
    "phone-dark-zh": {"width": 360, "height": 780, "theme": "dark", "locale": "zh-CN"},
    "phone-light-en": {"width": 360, "height": 780, "theme": "light", "locale": "en-GB"},
    "wide-dark-zh": {"width": 1280, "theme": "dark", "locale": "zh-CN"},
}
#: The others are close to these, and run with the soak.
USUAL = ("phone-dark-zh",)
LOOK_CASES = [
    pytest.param(look, id=name, marks=() if name in USUAL else pytest.mark.soak) for name, look in LOOKS.items()
]
#: The wheel brings axe-core along (MPL-2.0, so it stands in no repository of ours).
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const bad = violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const say = (one, node) => `${one.id} (${one.impact}): ${node.target} ${node.failureSummary}`;
  return bad.flatMap((one) => one.nodes.map((node) => say(one, node)));
}"""
#: Of many that are alike, the first ones.
OPEN_SOME = "[...document.querySelectorAll('details')].slice(0, 4).forEach(one => { one.open = true; })"


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN)
    return [f"{page.url}: {one}" for one in found]


def sideways(page: Page) -> int:
    """Pixels that the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


@pytest.mark.parametrize("look", LOOK_CASES)
def test_no_view_has_a_serious_issue_or_scrolls_sideways(
    open_page: OpenPage, stage: Stage, look: dict[str, Any]
) -> None:
    stage.world = believable.world(78)
    page = open_page("live", **look)
    page.locator(".row").first.wait_for()
    found = []
    for view in FULL:
        turn_to(page, view).evaluate(OPEN_SOME)
        found += serious(page)
        if sideways(page) > 0:
            found.append(f"{view} is {sideways(page)} pixels wider than the window")
    assert not found


@pytest.mark.parametrize("look", [LOOKS["wide-light-en"]], ids=["wide-light-en"])
def test_nor_has_it_with_nothing_or_with_the_store_down(
    open_page: OpenPage, stage: Stage, watched: Watched, look: dict[str, Any]
) -> None:
    watched.allowed.append("503")
    stage.world = believable.world(0)
    page = open_page("live", **look)
    found = []
    for view in ("live", "conversations", "trends", "review", "alerts", "model", "health"):
        turn_to(page, view)
        found += serious(page)
    stage.down = True
    found += serious(turn_to(page, "trends"))
    assert not found


def test_nor_has_the_list_of_keys_or_the_page_to_sign_in(open_page: OpenPage, stage: Stage, watched: Watched) -> None:
    watched.allowed.append("401")
    page = settled(open_page("model"))
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    found = serious(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Roll back to").click()
    found += serious(page)
    stage.signed_in = False
    page.reload()
    page.get_by_label("Token", exact=True).wait_for()
    assert not found + serious(page)


def test_english_too_fits_on_a_phone(open_page: OpenPage, stage: Stage) -> None:
    stage.world = believable.world(78)
    page = open_page("live", **LOOKS["phone-light-en"])
    for view in FULL:
        turn_to(page, view).evaluate(OPEN_SOME)
        assert sideways(page) <= 0, view
