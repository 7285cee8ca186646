"""What somebody sees who opens the console for the first time, and would stumble over."""

from playwright.sync_api import Page

from tests.console.web.conftest import OpenPage, settled
from tests.console.web.fixture_api import Stage
from tests.console.web.test_views import turn_to


def test_live_does_not_say_that_there_is_nothing_above_what_there_is(open_page: OpenPage, stage: Stage) -> None:
    stage.still = True
    page = open_page("live")
    page.locator(".row").nth(10).wait_for()
    # Nothing comes any more that would draw it anew.
    page.get_by_text("Emotions of the last 80 messages").wait_for()
    assert page.get_by_text("No messages yet").count() == 0


def test_labels_stay_words_in_the_tables_of_a_phone(open_page: OpenPage) -> None:
    page = settled(open_page("model", width=360, height=780))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    heights = page.evaluate("[...document.querySelectorAll('td .badge')].map(one => one.offsetHeight)")
    assert heights
    assert max(heights) < 40


def test_what_the_model_could_not_decide_is_said_in_plain_words(open_page: OpenPage) -> None:
    page = settled(open_page("review"))
    said = page.locator(".model-says").inner_text()
    assert "could not decide between" in said
    assert "outlier" not in said


def notes(page: Page) -> int:
    """Things to do, as Health says them."""
    return page.get_by_text("What to do:").count()


def test_a_healthy_stream_leaves_nothing_to_do(open_page: OpenPage) -> None:
    page = settled(open_page("health"))
    trainer = page.locator(".part").filter(has=page.get_by_role("heading", name="Trainer's own figures"))
    # That it may be watched is told, but nothing is wrong.
    assert "not watched" in trainer.inner_text()
    assert "CONSOLE_TRAINER_METRICS" in trainer.inner_text()
    assert notes(page) == 0
    turn_to(page, "model").get_by_text("Labels now").wait_for()


def test_no_figure_needs_statistics_to_be_read(open_page: OpenPage) -> None:
    page = settled(open_page("health"))
    figures = page.locator(".figures").inner_text()
    assert "99 % under 210 ms" in figures
    assert "p99" not in figures
