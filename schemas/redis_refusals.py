"""Which right a Redis user lacks, where a script was refused: up to version 7 Redis tells only the script's line."""

import re
from typing import Final

_REFUSED: Final = re.compile(r"user executing the script can't run|ACL failure in script|no permissions to run")
_NAMED: Final = re.compile(r"run the '([^']+)' command")
_LINE: Final = re.compile(r"@?user_script:\s*(\d+)")
_CALL: Final = re.compile(r"redis\.call\(\s*['\"](\w+)['\"]")


def lacking_right(text: str, script: str = "") -> str | None:
    """What to add to the user, such as ``+zadd``; None for an error of another kind.

    Args:
        text: Redis's error.
        script: that was run, in Lua.
    """
    if not _REFUSED.search(text):
        return None
    if named := _NAMED.search(text):
        return f"+{named[1].lower()}"
    line = _LINE.search(text)
    called = _CALL.findall(script.splitlines()[int(line[1]) - 1]) if line else []
    return " ".join(f"+{one.lower()}" for one in called) or "a command of the script"
