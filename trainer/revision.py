"""Which code trained an adapter."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_ANSWER_S: Final = 5.0


def code_revision() -> str:
    """The package's version, and the commit where this is a checkout: ``0.1.0+g81a0cb1``, ``.dirty`` if changed."""
    try:
        number = version("sentistream")
    except PackageNotFoundError:
        number = "0"
    if not (_ROOT / ".git").exists():
        return number
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=.dirty", "--exclude=*"],  # noqa: S607 - whichever git there is
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return number
    return f"{number}+g{found.stdout.strip()}"
