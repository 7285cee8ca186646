"""The page on the real API over a real store, signed in by a one-time link."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from console.api.app import feed_of
from console.store.database import Database, sqlite_url
from console.store.migrate import migrate
from tests.console.api.rig import Rig, conversation_events, people_labels
from tests.console.store.making import make_event
from tests.console.web.conftest import Watched, settled
from tests.console.web.fixture_api import serve
from tests.console.web.test_accessibility import sideways
from tests.console.web.test_hostile_text import SCRIPT
from tests.console.web.test_views import turn_to

TEXTS = {
    "live": "globex says 119",
    "conversations": "globex-room-5",
    "conversations/globex-room-5?tenant=globex": "Mood over the turns",
    "trends": "Share of each label",
    "review": "What is the emotion?",
    "alerts": "No alerts",
    "model": "v1",
    "health": "Records waiting",
}


@pytest.fixture
def real(tmp_path: Path) -> Iterator[tuple[Rig, str]]:
    """The app with 120 events of two tenants, and where it is."""
    database = Database(sqlite_url(tmp_path / "events.db"))
    migrate(database)
    rig = Rig(database)
    events = conversation_events()
    rig.filler.write(*events)
    rig.filler.write(*people_labels(events))
    with serve(rig.app) as address:
        yield rig, address
        feed_of(rig.app).stop()
    database.close()


@pytest.fixture
def signed_in(browser: Browser, real: tuple[Rig, str]) -> Iterator[tuple[Rig, Page]]:
    """A page of an operator."""
    rig, address = real
    watched = Watched(address)
    context = browser.new_context(locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{address}/open?token={rig.tokens.create_link('mei', 'operator')}")
    page.locator(".row").first.wait_for()
    yield rig, page
    context.close()
    assert not watched.found


def test_every_view_works_and_a_correction_is_sent_with_who_gave_it(signed_in: tuple[Rig, Page]) -> None:
    rig, page = signed_in
    for view, text in TEXTS.items():
        turn_to(page, view).get_by_text(text).first.wait_for()
    turn_to(page, "review")
    # The label set is MELD's, so 4 is joy.
    page.keyboard.press("4")
    page.wait_for_function("() => !document.querySelector('.review-actions .button:last-child').disabled")
    given = rig.outside.sent[-1]
    assert (given.label, given.labelled_by) == ("joy", "mei")
    page.keyboard.press("u")
    page.get_by_text("Taken back").first.wait_for()
    assert (rig.outside.sent[-1].label, rig.outside.sent[-1].event_id) == (None, given.event_id)


def test_live_shows_what_the_store_takes_in_as_text(signed_in: tuple[Rig, Page]) -> None:
    rig, page = signed_in
    now = datetime.now(UTC)
    rig.filler.write(make_event(500, text=SCRIPT, speaker=SCRIPT[:200], conversation_id="a/b?c#d é", sent_at=now))
    page.locator(".row-text").get_by_text(SCRIPT, exact=True).wait_for()
    assert sideways(page) <= 0
    page.locator(".row", has_text=SCRIPT).first.locator(".row-conversation").click()
    settled(page).locator(".turn-text").get_by_text(SCRIPT, exact=True).wait_for()
    assert page.locator("h1").inner_text() == "a/b?c#d é"


def rows_once(page: Page, condition: str) -> list[str]:
    """The messages that Live shows, once all of them are such."""
    page.wait_for_function(
        "is => { const rows = [...document.querySelectorAll('.row')]; return rows.length > 0 && "
        "rows.every(row => new RegExp(is).test(row.innerText)); }",
        arg=condition,
    )
    return page.locator(".row-text").all_inner_texts()


def test_lives_filters_leave_what_they_are_set_to(signed_in: tuple[Rig, Page]) -> None:
    rig, page = signed_in
    events = conversation_events()
    page.get_by_label("Tenant", exact=True).select_option("globex")
    of_globex = [one.text for one in reversed(events) if one.tenant == "globex"]
    assert rows_once(page, "globex says") == of_globex
    page.get_by_label("Language", exact=True).select_option("zh")
    chinese = [one.text for one in reversed(events) if (one.tenant, one.language) == ("globex", "zh")]
    assert 0 < len(chinese) < len(of_globex)
    assert rows_once(page, r"\bzh\b") == chinese
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_label("Confidence from %").fill("90")
    page.get_by_label("Confidence from %").press("Enter")
    sure = [one.text for one in reversed(events) if (one.confidence or 0) >= 0.9]
    assert rows_once(page, r"(90|100)\s?%") == sure
    # What comes later is held to them as well.
    now = datetime.now(UTC)
    rig.filler.write(
        make_event(600, text="hardly sure", confidence=0.4, sent_at=now),
        make_event(601, text="quite sure", confidence=0.95, sent_at=now),
    )
    page.locator(".row-text").get_by_text("quite sure").wait_for()
    assert page.get_by_text("hardly sure").count() == 0


def test_health_says_what_to_do_where_kafka_is_away(signed_in: tuple[Rig, Page]) -> None:
    rig, page = signed_in
    rig.outside.down = True
    turn_to(page, "health").get_by_text("KAFKA_BOOTSTRAP_SERVERS").first.wait_for()
    turn_to(page, "model").get_by_text("KAFKA_BOOTSTRAP_SERVERS").first.wait_for()
