"""Live under 500 events a second: what it keeps and draws is bounded, and a tab that nobody looks at draws nothing."""

from statistics import median

from playwright.sync_api import Page

from bench.console_live import RATE, watch
from tests.console.web.conftest import OpenPage
from tests.console.web.fixture_api import Stage

SECONDS = 4.0
#: What is drawn at the moment of a sample moves the counts by some percent; a row that stays doubles them in a second.
GROWS = 1.5
#: As the page has it.
DRAWN = 80
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
NEWEST = "() => document.querySelector('.row').dataset.event"


def test_memory_and_nodes_do_not_grow(open_page: OpenPage, stage: Stage) -> None:
    stage.rate = RATE
    page = open_page("live")
    found = watch(page, SECONDS)
    half = len(found["heap"]) // 2
    assert median(found["heap"][half:]) < median(found["heap"][:half]) + 1.5
    for name in ("nodes", "listeners"):
        before, after = found[name][:half], found[name][half:]
        assert max(after) < min(before) * GROWS, f"{name}: {before}, then {after}"
    assert page.locator(".row").count() <= DRAWN


def changes(page: Page, since: str) -> None:
    """Another row is the newest."""
    page.wait_for_function("since => document.querySelector('.row').dataset.event !== since", arg=since)


def test_a_hidden_tab_draws_nothing_and_catches_up(open_page: OpenPage, stage: Stage) -> None:
    stage.rate = 50
    page = open_page("live")
    page.locator(".row").first.wait_for()
    changes(page, page.evaluate(NEWEST))
    page.evaluate(HIDE, arg=True)
    at = page.evaluate(NEWEST)
    page.evaluate("() => new Promise(done => setTimeout(done, 600))")
    assert page.evaluate(NEWEST) == at
    page.evaluate(HIDE, arg=False)
    changes(page, at)
