"""A walk by keyboard alone."""

import re

from playwright.sync_api import Page

from tests.console.web.conftest import OpenPage, settled
from tests.console.web.fixture_api import Stage

ACTIVE = "document.activeElement"


def go(page: Page, letter: str, heading: str) -> None:
    """`g` and a letter."""
    page.keyboard.press("g")
    page.keyboard.press(letter)
    page.get_by_role("heading", name=heading, exact=True, level=1).wait_for()
    settled(page)


def test_every_view_is_a_chord_away_and_the_keys_are_listed(open_page: OpenPage) -> None:
    page = settled(open_page("live"))
    views = {
        "c": "Conversations",
        "t": "Trends",
        "r": "Review",
        "a": "Alerts",
        "m": "Model",
        "h": "Health",
        "l": "Live",
    }
    for letter, heading in views.items():
        go(page, letter, heading)
        assert page.evaluate(f"{ACTIVE}.id") == "main"
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    keys.wait_for()
    assert "pause, go on" in keys.inner_text()
    page.keyboard.press("Escape")
    keys.wait_for(state="detached")


def test_the_first_tab_skips_to_the_content_and_focus_is_seen(open_page: OpenPage) -> None:
    page = settled(open_page("trends"))
    page.keyboard.press("Tab")
    assert page.evaluate(f"{ACTIVE}.id") == "skip"
    assert page.locator("#skip").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate(f"{ACTIVE}.id") == "main"
    for _ in range(6):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            f"() => {{ const s = getComputedStyle({ACTIVE}); return [s.outlineStyle, s.outlineWidth]; }}"
        )
        assert seen == ["solid", "3px"]
        assert page.evaluate(f"document.getElementById('main').contains({ACTIVE})")


def test_live_is_paused_walked_through_and_left_by_keys(open_page: OpenPage, stage: Stage) -> None:
    stage.rate = 10
    page = settled(open_page("live"))
    page.locator(".row").first.wait_for()
    page.keyboard.press(" ")
    page.get_by_role("button", name=re.compile("Go on")).wait_for()
    page.keyboard.press("j")
    first = page.evaluate(f"{ACTIVE}.dataset.event")
    page.keyboard.press("j")
    second = page.evaluate(f"{ACTIVE}.dataset.event")
    assert first != second
    # Paused: what comes is counted and nothing moves.
    page.get_by_role("button", name=re.compile(r"Go on \(\d+ new\)")).wait_for()
    assert page.evaluate(f"{ACTIVE}.dataset.event") == second
    page.keyboard.press("k")
    assert page.evaluate(f"{ACTIVE}.dataset.event") == first
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Mood over the turns").wait_for()
    settled(page)
    page.keyboard.press("j")
    page.keyboard.press("o")
    assert page.locator(".turn").first.locator("details").first.get_attribute("open") is not None


def test_review_takes_one_key_per_label_and_undoes(open_page: OpenPage, stage: Stage) -> None:
    page = settled(open_page("review"))
    first = page.locator("#review-text").inner_text()
    left = page.locator(".review-card .sheet-head").inner_text()
    page.keyboard.press("1")
    page.wait_for_function("left => document.querySelector('.review-card .sheet-head').innerText !== left", arg=left)
    assert [path for path, _ in stage.written] == ["labels"]
    assert stage.written[0][1]["label"] == "anger"
    event_id = stage.written[0][1]["event_id"]
    page.keyboard.press("u")
    # The list of labels has one that was taken back before.
    page.locator(".toast", has_text="Taken back").wait_for()
    assert stage.written[1][0] == f"delete labels/{event_id}"
    assert page.locator("#review-text").inner_text() == first
    page.keyboard.press("j")
    page.keyboard.press("7")
    page.wait_for_function("() => document.querySelectorAll('.toast').length > 0")
    assert stage.written[2][1]["label"] == "surprise"
    assert stage.written[2][1]["event_id"] != event_id


def test_release_rollback_and_replay_ask_first(open_page: OpenPage, stage: Stage) -> None:
    page = settled(open_page("model"))
    page.get_by_role("button", name="Release").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Why?").wait_for()
    page.keyboard.press("Escape")
    assert not stage.written
    page.get_by_role("button", name="Roll back to").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("worse on fear")
    page.keyboard.press("Enter")
    page.get_by_text("Done").wait_for()
    assert stage.written == [("adapters/rollback", {"reason": "worse on fear"})]
    go(page, "h", "Health")
    page.get_by_role("button", name="Replay all").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("3 records go back through chat.messages.").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Replay", exact=True).press("Enter")
    page.get_by_text("3 records went back through the stream.").wait_for()
    orders = [body for path, body in stage.written if path == "dead-letters/replay"]
    assert [order.get("dry_run", False) for order in orders] == [True, False]
