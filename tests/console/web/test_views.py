"""Every view with data, with nothing, and with the store down."""

import re

import pytest

from tests.console.web import believable
from tests.console.web.conftest import OpenPage, Watched, settled
from tests.console.web.fixture_api import Stage

FULL = {
    "live": "Is it open on Sunday?",
    "conversations": "room-3",
    "conversations/room-3": "Mood over the turns",
    "trends": "Share of each label",
    "review": "What is the emotion?",
    "alerts": "anger over 0.8 in 3 turns of one speaker",
    "model": "20260301T031500Z-3f2a",
    "health": "Records waiting",
}
EMPTY = {
    "live": "No messages yet",
    "conversations": "No conversations yet",
    "trends": "No messages in this span",
    "review": "Nothing to review",
    "alerts": "No alerts",
    "model": "No trained version yet",
    "health": "None: every message got its event.",
}
DOWN = "The event store does not answer"


@pytest.mark.parametrize("view", FULL)
def test_shows_what_there_is(open_page: OpenPage, view: str) -> None:
    page = settled(open_page(view))
    page.get_by_text(FULL[view]).first.wait_for()
    explanation = page.locator(".view-head p").inner_text()
    assert len(explanation) > 30


@pytest.mark.parametrize("view", EMPTY)
def test_says_what_to_do_where_there_is_nothing(open_page: OpenPage, stage: Stage, view: str) -> None:
    stage.world = believable.world(0)
    page = settled(open_page(view))
    page.get_by_text(EMPTY[view]).first.wait_for()


@pytest.mark.parametrize("view", [view for view in FULL if view != "live"])
def test_says_what_to_do_where_the_store_is_down(
    open_page: OpenPage, stage: Stage, watched: Watched, view: str
) -> None:
    watched.allowed.append("503")
    stage.down = True
    page = settled(open_page(view))
    page.get_by_text(DOWN).first.wait_for()
    stage.down = False
    page.get_by_role("button", name="Try again").first.click()
    page.get_by_text(FULL[view]).first.wait_for()


def test_live_waits_for_a_stream_that_is_down_and_goes_on(open_page: OpenPage, stage: Stage, watched: Watched) -> None:
    watched.allowed.append("503")
    stage.down = True
    page = open_page("live")
    page.get_by_text("The connection to the stream is lost").wait_for()
    stage.down = False
    page.locator(".row").first.wait_for()
    page.get_by_text("The connection to the stream is lost").wait_for(state="detached")


def test_health_names_the_part_that_is_down(open_page: OpenPage, stage: Stage) -> None:
    stage.sick = True
    page = settled(open_page("health"))
    page.get_by_text("Start one: sentistream worker.").wait_for()
    assert page.locator("#stream-state").inner_text() == "Stream is down"


def test_a_token_opens_the_console_and_a_wrong_one_does_not(
    open_page: OpenPage, stage: Stage, watched: Watched
) -> None:
    watched.allowed.append("401")
    stage.signed_in = False
    page = open_page("trends")
    page.get_by_label("Token", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Check it, or ask for a new one.").wait_for()
    page.get_by_label("Token", exact=True).fill("right")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Trends").wait_for()
    assert page.url.endswith("#/trends")


def test_an_unknown_view_leads_to_live(open_page: OpenPage) -> None:
    page = open_page("nonsense/%zz")
    page.wait_for_url(re.compile("#/live$"))
