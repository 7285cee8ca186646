"""Which code trained an adapter."""

import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_ANSWER_S: Final = 5.0
#: The commit that an image was built from, which has no repository to ask.
VARIABLE: Final = "SENTISTREAM_REVISION"


def code_revision() -> str:
    """The package's version, and the commit where it is known: ``0.1.0+g81a0cb1``, ``.dirty`` if changed.

    It is known in a checkout, and in an image that was built with SENTISTREAM_REVISION.
    """
    try:
        number = version("sentistream")
    except PackageNotFoundError:
        number = "0"
    if given := os.environ.get(VARIABLE):
        return f"{number}+g{given}"
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
