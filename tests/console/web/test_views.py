"""Every view with data, with nothing, and with the store down."""

import re

from playwright.sync_api import Page

from tests.console.web import believable
from tests.console.web.conftest import OpenPage, Watched, settled
from tests.console.web.fixture_api import Stage

FULL = {
    "live": "Is it open on Sunday?",
    "conversations": "room-3",
    "conversations/room-3": "Mood over the turns",
    "trends": "Share of each label",
    "review": "What is the emotion?",
    "alerts": "anger over 0.8 in 3 turns in a row of one speaker",
    "model": "20260301T031500Z-3f2a",
    "health": "Records waiting",
}
EMPTY = {
    "live": "No messages yet",
    "conversations": "No conversations yet",
    "conversations/nobody": "No conversation of this id is stored",
    "trends": "No messages in this span",
    "review": "Nothing to review",
    "alerts": "No alerts",
    "model": "No trained version yet",
    "health": "None: every message got its event.",
}
DOWN = "The event store does not answer"


def turn_to(page: Page, view: str) -> Page:
    """Another view of the same page, once it has loaded."""
    page.evaluate("view => { location.hash = `#/${view}`; }", view)
    name = view.split("/", maxsplit=1)[0]
    page.wait_for_function(
        "name => document.querySelector(`.nav a[data-view=${name}]`)?.ariaCurrent === 'page'", arg=name
    )
    return settled(page)


def test_every_view_shows_what_there_is_and_says_in_a_line_what_it_is(open_page: OpenPage) -> None:
    page = open_page("live")
    for view, text in FULL.items():
        turn_to(page, view).get_by_text(text).first.wait_for()
        assert len(page.locator(".view-head p").inner_text()) > 30, view


def test_every_view_says_what_to_do_where_there_is_nothing(open_page: OpenPage, stage: Stage, watched: Watched) -> None:
    watched.allowed.append("404")
    stage.world = believable.world(0)
    page = open_page("live")
    for view, text in EMPTY.items():
        turn_to(page, view).get_by_text(text).first.wait_for()


def test_every_view_says_what_to_do_where_the_store_is_down_and_tries_again(
    open_page: OpenPage, stage: Stage, watched: Watched
) -> None:
    watched.allowed.append("503")
    page = open_page("live")
    for view, text in FULL.items():
        if view == "live":
            continue
        stage.down = True
        turn_to(page, view).get_by_text(DOWN).first.wait_for()
        stage.down = False
        page.get_by_role("button", name="Try again").first.click()
        page.get_by_text(text).first.wait_for()


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
    page.get_by_text("Start one: sentistream worker.").first.wait_for()
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


def test_filters_stand_in_the_address_and_the_back_button_takes_them_back(open_page: OpenPage) -> None:
    page = settled(open_page("live"))
    page.locator(".row").first.wait_for()
    page.get_by_label("Label", exact=True).focus()
    page.get_by_label("Label", exact=True).select_option("anger")
    page.wait_for_url(re.compile(r"label=anger"))
    page.wait_for_function("() => [...document.querySelectorAll('.row')].every(row => row.matches('.fam-anger'))")
    assert page.evaluate("document.activeElement.name") == "label"
    page.go_back()
    page.locator(".row.fam-neutral").first.wait_for()
    assert page.get_by_label("Label", exact=True).input_value() == ""
    page.goto(page.url.split("#")[0] + "#/live?sentiment=positive&min_confidence=0.5")
    assert page.get_by_label("Sentiment").input_value() == "positive"
    assert page.get_by_label("Confidence from %").input_value() == "50"


def test_language_and_theme_are_kept(open_page: OpenPage) -> None:
    page = settled(open_page("trends"))
    page.get_by_role("button", name="中文").click()
    page.get_by_role("heading", name="趋势", exact=True).wait_for()
    page.get_by_role("button", name="主题：跟随系统").click()
    page.get_by_role("button", name="主题：浅色").click()
    page.reload()
    page.get_by_role("heading", name="趋势", exact=True).wait_for()
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme]") == ["zh-CN", "dark"]
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(23, 27, 32)"


def test_a_role_sees_only_the_buttons_that_it_may_use(open_page: OpenPage, stage: Stage) -> None:
    stage.role = "viewer"
    page = open_page("review")
    settled(page).get_by_text("may look but not label").wait_for()
    assert page.locator(".label-button:not([disabled])").count() == 0
    turn_to(page, "model").get_by_text("takes an operator's token").wait_for()
    assert page.get_by_role("button", name="Release").count() == 0
    turn_to(page, "health").get_by_text("Replaying takes an operator's token").wait_for()
    assert page.get_by_role("button", name="Replay").count() == 0
