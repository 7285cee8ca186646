"""Asks the advisory service for known holes in what the lock pins: `make audit`.

pip-audit takes a service that knows no package at all for one without bad news; here that is told apart.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

#: Of the packages that every lock of ours has: a service that does not know it knows none.
_PROBE: Final = "click"
_UNREACHABLE: Final = "the advisory service cannot be reached from here, so that NOTHING WAS CHECKED"


def audit(requirements: Path) -> dict[str, Any] | None:
    """pip-audit's answer; None where it got none."""
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


def reachable(lock: Path) -> bool:
    """Whether the service knows one package of the lock."""
    line = next(one for one in lock.read_text().splitlines() if one.startswith(f"{_PROBE}=="))
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "requirements.txt"
        probe.write_text(f"{line}\n")
        found = audit(probe)
    return found is not None and not any("skip_reason" in one for one in found["dependencies"])


def report(found: dict[str, Any]) -> int:
    """Print what there is; the exit status."""
    checked = [one for one in found["dependencies"] if "skip_reason" not in one]
    bad = [(one, hole) for one in checked for hole in one["vulns"]]
    for one, hole in bad:
        mended = ", ".join(hole.get("fix_versions") or ()) or "not yet"
        sys.stdout.write(f"{one['name']} {one['version']}: {hole['id']} (mended in: {mended})\n")
    skipped = [one["name"] for one in found["dependencies"] if "skip_reason" in one]
    sys.stdout.write(
        f"{len(checked)} packages checked, {len(bad)} known holes; not checked: {', '.join(skipped) or '-'}\n"
    )
    return 1 if bad else 0


def main() -> int:
    """0: nothing is known, or nothing could be asked; 1: a hole is known."""
    lock = Path(sys.argv[1])
    found = audit(lock) if reachable(lock) else None
    if found is None:
        sys.stdout.write(f"{_UNREACHABLE}\n")
        return 0
    return report(found)


if __name__ == "__main__":
    sys.exit(main())
