"""A headless Chromium, and pages that fail their test for any error, dialog or request to elsewhere."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

from tests.console.web.fixture_api import Stage, make_fixture_app, serve

#: Arguments as of `browser.new_context`; the first is the address after `#/`.
OpenPage = Callable[..., Page]


@dataclass
class Watched:
    """What a page did that it must not do.

    Attributes:
        allowed: parts of console texts that a test provokes.
    """

    address: str
    found: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Write down what must not be."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.found.append(f"uncaught: {error}"))
        page.on("dialog", self._on_dialog)
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.allowed):
            self.found.append(f"console {message.type}: {message.text} ({message.location})")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.found.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:image/")):
            self.found.append(f"request to elsewhere: {request.url}")


# Not for longer than a file: Playwright's event loop runs on this thread as long as it lives, and tests of other files
# need one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def _fixture_server() -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    with serve(make_fixture_app(stage)) as address:
        yield stage, address


@pytest.fixture
def stage(_fixture_server: tuple[Stage, str]) -> Stage:
    """The fixture's world, as new."""
    stage, _ = _fixture_server
    fresh = Stage()
    for name in Stage.__dataclass_fields__:
        setattr(stage, name, getattr(fresh, name))
    return stage


@pytest.fixture
def watched(_fixture_server: tuple[Stage, str], stage: Stage) -> Iterator[Watched]:
    """Fails the test at its end if a page did what it must not do."""
    del stage
    kept = Watched(_fixture_server[1])
    yield kept
    assert not kept.found


@pytest.fixture
def open_page(browser: Browser, watched: Watched) -> Iterator[OpenPage]:
    """Open the console at a view."""
    contexts = []

    def make(view: str, *, width: int = 1280, height: int = 900, theme: str = "light", locale: str = "en-GB") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            locale=locale,
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        watched.watch(page)
        page.goto(f"{watched.address}/#/{view}")
        page.wait_for_selector("h1")
        return page

    yield make
    for context in contexts:
        context.close()


def settled(page: Page) -> Page:
    """The page, once nothing on it is loading."""
    page.wait_for_function("() => document.querySelector('h1') && !document.querySelector('.bones, [aria-busy]')")
    return page
