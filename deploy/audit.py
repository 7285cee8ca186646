"""Asks the advisory service for known holes in what the locks pin: `make audit`.

pip-audit takes a service that knows no package at all for one without bad news; here that is told apart.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

#: Of the packages that every lock of ours has: a service that does not know it knows none.
_PROBE: Final = "click"
_UNREACHABLE: Final = "the advisory service cannot be reached from here, so that NOTHING WAS CHECKED"


def audit(pins: Sequence[str]) -> dict[str, Any] | None:
    """pip-audit's answer on such lines of a lock; None where it got none."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("".join(f"{one}\n" for one in pins))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
        done = subprocess.run(
            [*command, "--format", "json", "--progress-spinner", "off"], capture_output=True, text=True, check=False
        )
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        sys.stderr.write(done.stderr[-2_000:])
        return None
    return found


def pins(lock: Path) -> list[str]:
    """A lock's lines, but for what is said about it."""
    return [line for one in lock.read_text().splitlines() if (line := one.strip()) and not line.startswith("#")]


def reachable(lock: Path) -> bool:
    """Whether the service knows one package of the lock."""
    found = audit([next(one for one in pins(lock) if one.startswith(f"{_PROBE}=="))])
    return found is not None and not any("skip_reason" in one for one in found["dependencies"])


def report(lock: Path, found: dict[str, Any]) -> bool:
    """Print what there is; whether a hole is known."""
    checked = [one for one in found["dependencies"] if "skip_reason" not in one]
    bad = [(one, hole) for one in checked for hole in one["vulns"]]
    for one, hole in bad:
        mended = ", ".join(hole.get("fix_versions") or ()) or "not yet"
        sys.stdout.write(f"{one['name']} {one['version']}: {hole['id']} (mended in: {mended})\n")
    skipped = [one["name"] for one in found["dependencies"] if "skip_reason" in one]
    sys.stdout.write(
        f"{lock}: {len(checked)} packages checked, {len(bad)} known holes; not checked: {', '.join(skipped) or '-'}\n"
    )
    return bool(bad)


def main() -> int:
    """0: nothing is known, or nothing could be asked; 1: a hole is known. Each pin is asked for once."""
    locks = [Path(one) for one in sys.argv[1:]]
    if not reachable(locks[0]):
        sys.stdout.write(f"{_UNREACHABLE}\n")
        return 0
    asked: set[str] = set()
    holes = False
    for lock in locks:
        own = [one for one in pins(lock) if one not in asked]
        asked.update(own)
        if not own:
            sys.stdout.write(f"{lock}: nothing that was not asked for above\n")
        elif (found := audit(own)) is None:
            sys.stdout.write(f"{lock}: {_UNREACHABLE}\n")
        else:
            holes |= report(lock, found)
    return int(holes)


if __name__ == "__main__":
    sys.exit(main())
