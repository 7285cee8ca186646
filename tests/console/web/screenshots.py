"""Draws docs/console/*.png anew: `python -m tests.console.web.screenshots`."""

import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.console.web import believable
from tests.console.web.conftest import settled
from tests.console.web.fixture_api import Stage, make_fixture_app, serve

OUT = Path(__file__).parents[3] / "docs" / "console"
WIDE: dict[str, Any] = {"viewport": {"width": 1180, "height": 820}, "locale": "en-GB"}
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 760}, "locale": "en-GB"}
DARK_ZH: dict[str, Any] = WIDE | {"color_scheme": "dark", "locale": "zh-CN"}
SHOTS: dict[str, tuple[str, dict[str, Any]]] = {
    "live": ("live", WIDE),
    "conversation": ("conversations/room-3", WIDE),
    "conversations": ("conversations?sort=rising", WIDE),
    "trends": ("trends", WIDE),
    "review": ("review", WIDE),
    "alerts": ("alerts", WIDE),
    "model": ("model", WIDE),
    "health": ("health", WIDE),
    "live-dark-zh": ("live", DARK_ZH),
    "trends-dark-zh": ("trends", DARK_ZH),
    "review-phone": ("review", PHONE),
    "live-phone": ("live", PHONE),
}
LARGEST = 200_000


def draw(browser: Browser, address: str, name: str, view: str, look: dict[str, Any]) -> None:
    """One file."""
    context = browser.new_context(**({"timezone_id": "UTC", "reduced_motion": "reduce"} | look))
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{address}/#/{view}")
    page.locator("h1").wait_for()
    settled(page)
    if view.startswith("live"):
        page.locator(".row").first.wait_for()
        page.locator(".mix-legend").wait_for()
    if page.locator(".chart").count():
        page.locator(".chart canvas").first.wait_for()
    if view.startswith("model"):
        page.locator("details").nth(1).evaluate("one => { one.open = true; }")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    path = OUT / f"{name}.png"
    page.screenshot(path=path)
    context.close()
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {LARGEST}: make it smaller")


def main() -> None:
    """All of them."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise SystemExit("no Chromium on this machine: apt-get install chromium")
    OUT.mkdir(exist_ok=True)
    with (
        serve(make_fixture_app(Stage(world=believable.world(1500), rate=5))) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, (view, look) in SHOTS.items():
            draw(browser, address, name, view, look)
        browser.close()


if __name__ == "__main__":
    main()
