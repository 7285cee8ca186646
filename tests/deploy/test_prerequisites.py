"""A missing program is named in one line, with how to get it."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
NEEDED: Final = ("bash", "sh", "make", "sed", "java", "mvn", "python3")


def prerequisites(folder: Path, *programs: str, target: str = "prerequisites") -> subprocess.CompletedProcess[str]:
    """Run the check with these programs and no others on the path."""
    for name in programs:
        # A script, not a link: version managers put scripts of their own on the path that do not bear being moved.
        program = sys.executable if name == "python3" else shutil.which(name)
        assert program
        (folder / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        (folder / name).chmod(0o755)
    return subprocess.run(
        [str(folder / "make"), "--no-print-directory", target],
        cwd=ROOT,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("missing", "words"),
    [("java", "openjdk-17-jre-headless"), ("mvn", "apt-get install maven"), ("python3", "Python 3.11, 3.12 or 3.13")],
)
def test_the_missing_program_is_named(tmp_path: Path, missing: str, words: str) -> None:
    result = prerequisites(tmp_path, *(name for name in NEEDED if name != missing))
    assert result.returncode
    assert len(result.stdout.splitlines()) == 1
    assert words in result.stdout
    assert "brew install" in result.stdout


def test_an_old_java_is_named(tmp_path: Path) -> None:
    (tmp_path / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    (tmp_path / "java").chmod(0o755)
    result = prerequisites(tmp_path, *(name for name in NEEDED if name != "java"))
    assert "Java 17 or later is missing (found: 11)" in result.stdout


def test_nothing_is_said_when_all_are_there(tmp_path: Path) -> None:
    result = prerequisites(tmp_path, *NEEDED)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("browser", ["chromium", "chromium-browser"])
def test_the_browser_of_the_consoles_tests_is_asked_for_before_any_of_them(tmp_path: Path, browser: str) -> None:
    result = prerequisites(tmp_path, "bash", "make", target="browser")
    assert result.returncode
    assert len(result.stdout.splitlines()) == 1
    assert "apt-get install chromium" in result.stdout
    (tmp_path / browser).write_text("#!/bin/sh\n")
    (tmp_path / browser).chmod(0o755)
    result = prerequisites(tmp_path, target="browser")
    assert (result.returncode, result.stdout) == (0, "")


def test_make_test_asks_for_the_browser_first() -> None:
    rule = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("test:"))
    assert rule.split("##")[0].split() == ["test:", "browser", "env", "lint"]
