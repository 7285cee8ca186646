"""What people type does nothing but show: no script, no request, no dialog, no page that scrolls sideways."""

from datetime import UTC, datetime

from playwright.sync_api import Page

from tests.console.web import believable
from tests.console.web.believable import World
from tests.console.web.conftest import OpenPage, settled
from tests.console.web.fixture_api import Stage
from tests.console.web.test_accessibility import sideways
from tests.console.web.test_views import turn_to

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)><svg/onload=alert(3)>"
LINK = '"><a href="javascript:alert(4)">here</a><iframe src="https://example.org/"></iframe>{{7*7}}${7*7}'
BIDI = "abc \u202edlrow olleh\u2066 \u2067\u200f end"
LONG = "w" * 5000
EMOJI = "👩‍👩‍👧‍👦🏳️‍🌈👍🏿" * 40 + "\U000e0067" + "e" + "\u0301" * 300
TEXTS = {"script": SCRIPT, "link": LINK, "bidi": BIDI, "long": LONG, "emoji": EMOJI}


def hostile_world() -> World:
    """Everything that a chat user chooses is hostile, in text, speaker and conversation alike."""
    now = datetime.now(UTC)
    events = []
    for number in range(1, 31):
        text = list(TEXTS.values())[number % len(TEXTS)]
        made = believable.event(number, now, text=text, conversation=SCRIPT if number % 2 else BIDI)
        events.append(made.model_copy(update={"speaker": text[:256], "tenant": LINK[:128]}))
    return World(now, tuple(events))


def nothing_came_of_it(page: Page) -> None:
    """Nothing of the text became an element, and the window is not wider than it was."""
    assert (
        page.evaluate("document.querySelectorAll('main script, main iframe, main img, main svg[onload]').length") == 0
    )
    assert page.locator("main a[href^='javascript:']").count() == 0
    assert sideways(page) <= 0, page.url


def test_every_view_shows_hostile_text_as_text(open_page: OpenPage, stage: Stage) -> None:
    stage.world = hostile_world()
    page = open_page("live", width=360, height=780)
    for text in (SCRIPT, LINK):
        page.get_by_text(text, exact=True).first.wait_for()
    for view in ("live", "conversations", "trends", "review", "alerts", "model", "health"):
        nothing_came_of_it(turn_to(page, view))
    turn_to(page, "conversations").locator(".talk-name").first.click()
    page.locator(".turn").first.wait_for()
    page.locator(".turn-text").get_by_text(SCRIPT, exact=True).first.wait_for()
    nothing_came_of_it(settled(page))


def test_bidi_controls_do_not_reach_what_stands_beside_them(open_page: OpenPage, stage: Stage) -> None:
    stage.world = hostile_world()
    page = open_page("live")
    page.locator(".row").first.wait_for()
    assert page.evaluate(
        "() => [...document.querySelectorAll('.row-text, .row-speaker, .row-conversation bdi')]"
        ".every(one => getComputedStyle(one).unicodeBidi === 'isolate' && one.dir === 'auto')"
    )
    # The time stands after everything else of the row, as it does beside harmless text.
    row = page.locator(".row", has_text="olleh").first
    speaker, when = row.locator(".row-speaker").bounding_box(), row.locator("time").bounding_box()
    assert speaker is not None
    assert when is not None
    assert speaker["x"] < when["x"]


def test_a_hostile_filter_in_the_address_does_nothing(open_page: OpenPage) -> None:
    page = open_page("trends?tenant=%3Cscript%3Ealert(1)%3C/script%3E&language=__proto__")
    nothing_came_of_it(settled(page))
