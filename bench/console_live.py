"""Live under 500 events a second: does the browser keep up, and does its memory grow?

A real headless Chromium shows Live, fed by a server that sends what the API sends. Memory is the JavaScript heap
after a forced collection, taken again and again. For longer than the row does: `python -m bench.console_live SECONDS`.
"""

import os
import shutil
import statistics
import sys
import time
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.figures import Figure, print_table, say
from tests.console.web.fixture_api import Stage, make_fixture_app, serve

RATE = 500
SECONDS = float(os.environ.get("BENCH_CONSOLE_LIVE_S", "20"))
SAMPLES = 8
#: What a collection may leave this time and not the next.
SLACK_MIB = 1.0
MIB = 1024 * 1024

# Frames and tasks over 50 ms; how old the newest shown row is.
WATCH = """() => {
  window.__frames = 0;
  window.__long = [];
  const turn = () => { window.__frames += 1; requestAnimationFrame(turn); };
  requestAnimationFrame(turn);
  const note = (list) => window.__long.push(...list.getEntries().map((one) => one.duration));
  new PerformanceObserver(note).observe({ entryTypes: ["longtask"] });
}"""
AGE = "() => (Date.now() - new Date(document.querySelector('.row time').dateTime)) / 1000"
RESET = (
    "() => { const found = [window.__frames, window.__long]; window.__frames = 0; window.__long = []; return found; }"
)


def heap_mib(session: CDPSession) -> float:
    """The JavaScript heap in use, after a forced collection."""
    session.send("HeapProfiler.collectGarbage")
    metrics: dict[str, Any] = session.send("Performance.getMetrics")
    return float(next(one["value"] for one in metrics["metrics"] if one["name"] == "JSHeapUsedSize")) / MIB


def _counts(session: CDPSession) -> tuple[int, int]:
    found: dict[str, int] = session.send("Memory.getDOMCounters")
    return found["nodes"], found["jsEventListeners"]


def watch(page: Page, seconds: float) -> dict[str, list[float]]:
    """Samples while the stream runs: heap, nodes, listeners, frames a second, long tasks, age of the newest row."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.locator(".row").first.wait_for()
    page.wait_for_function("() => document.querySelectorAll('.row').length >= 80")
    # Warm: the kept list is full and the compiler is done.
    page.wait_for_timeout(min(seconds / 4, 5) * 1000)
    page.evaluate(WATCH)
    found: dict[str, list[float]] = {name: [] for name in ("heap", "nodes", "listeners", "frames", "busy", "age_s")}
    for _ in range(SAMPLES):
        began = time.monotonic()
        page.wait_for_timeout(seconds / SAMPLES * 1000)
        frames, long = page.evaluate(RESET)
        passed = time.monotonic() - began
        found["frames"].append(frames / passed)
        found["busy"].append(sum(long) / 1000 / passed)
        found["age_s"].append(page.evaluate(AGE))
        found["heap"].append(heap_mib(session))
        nodes, listeners = _counts(session)
        found["nodes"].append(nodes)
        found["listeners"].append(listeners)
    return found


def measure(seconds: float = SECONDS) -> list[Figure]:
    """Half of the samples against the other half."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no Chromium on this machine: apt-get install chromium")
    say(f"Live at {RATE} events a second for {seconds:.0f} s")
    with serve(make_fixture_app(Stage(rate=RATE))) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page()
        page.goto(f"{address}/#/live")
        found = watch(page, seconds)
        total = page.locator(".figure dd").nth(1).inner_text()
        browser.close()
    half = SAMPLES // 2
    before, after = statistics.median(found["heap"][:half]), statistics.median(found["heap"][half:])
    nodes = statistics.median(found["nodes"][half:]), statistics.median(found["nodes"][:half])
    age = statistics.median(found["age_s"])
    return [
        Figure(
            "console_live", f"heap after {RATE} events/s", after, "MiB", before, after / before,
            f"at most {SLACK_MIB:.0f} MiB more than in the first half", after <= before + SLACK_MIB,
            f"{seconds:.0f} s; by sample: {', '.join(f'{one:.1f}' for one in found['heap'])}",
        ),
        Figure(
            "console_live", "nodes of the page", nodes[0], "nodes", nodes[1], nodes[0] / nodes[1],
            "no growth", nodes[0] <= nodes[1] * 1.05,
            f"listeners: {found['listeners'][0]:.0f} to {found['listeners'][-1]:.0f}",
        ),
        Figure(
            "console_live", "age of the newest row", age, "s", None, None, "at most 2 s", age <= 2.0,
            f"events at the end: {total}; frames a second, median: {statistics.median(found['frames']):.0f}; "
            f"tasks over 50 ms: {statistics.median(found['busy']):.0%} of the time",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    figures = measure(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
    print_table(figures)
