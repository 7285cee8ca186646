"""What the page's source must not hold, and that both languages say the same things."""

import re
from pathlib import Path
from typing import get_args

import pytest

from schemas.dead_letter import DeadLetterReason

WEB = Path(__file__).parents[3] / "console" / "web"
SCRIPTS = sorted((WEB / "js").rglob("*.js"))
FORBIDDEN = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "createContextualFragment",
    "srcdoc",
    "javascript:",
)
KEY = re.compile(r'^ +"([^"]+)":', re.MULTILINE)
PLACE = re.compile(r"\{(\w+)\}")


def locale(name: str) -> dict[str, str]:
    """Texts by key, as they stand in the source."""
    found: dict[str, str] = {}
    for path in sorted((WEB / "js" / "locales").glob(f"{name}*.js")):
        key = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := KEY.match(line):
                key = match[1]
                found[key] = line[match.end() :]
            elif key:
                # A plural's forms stand below it.
                found[key] += line
    return found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_nothing_makes_markup_of_text(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not [word for word in FORBIDDEN if word in source]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", source)


def test_the_page_itself_holds_no_script_and_no_style() -> None:
    page = (WEB / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\bstyle=|\bon\w+=|https?://", page)


def test_both_languages_have_every_text_with_the_same_places() -> None:
    english, chinese = locale("en"), locale("zh")
    assert english.keys() == chinese.keys()
    differ = [key for key in english if set(PLACE.findall(english[key])) - set(PLACE.findall(chinese[key]))]
    assert not differ


def test_every_text_that_is_asked_for_is_there() -> None:
    english = locale("en")
    asked = {key for path in SCRIPTS for key in re.findall(r'\bt\("([^"]+)"', path.read_text(encoding="utf-8"))}
    assert not asked - english.keys()


def test_every_reason_of_dead_letters_has_words() -> None:
    english = locale("en")
    assert not [reason for reason in get_args(DeadLetterReason) if f"reason.{reason}" not in english]


def test_files_are_small() -> None:
    assert not [path.name for path in SCRIPTS if len(path.read_text(encoding="utf-8").splitlines()) > 300]
