"""What continuous integration runs: all three targets, the tests last, and a status that hides none of them."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_MAKE = 'echo "make $*"; for one in $FAILING; do test "$one" = "$1" && exit 2; done; exit 0'


@pytest.mark.parametrize(("failing", "status"), [("", 0), ("test", 2), ("audit", 2), ("sbom", 2), ("audit test", 2)])
def test_ci_runs_audit_and_bill_before_the_tests_and_fails_where_one_does(
    tmp_path: Path, failing: str, status: int
) -> None:
    # A machine that lacks something must not have it installed by this test.
    for name, script in (("make", _MAKE), ("apt-get", "exit 0")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "FAILING": failing}
    done = subprocess.run([ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines() == ["make audit", "make sbom", "make test"]


def test_audit_and_bill_are_made_of_every_lock() -> None:
    dry = ["make", "--dry-run", "audit", "sbom"]
    done = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True)
    locks = {"requirements.lock.txt"} | {f"deploy/{one.name}" for one in (ROOT / "deploy").glob("requirements.*.txt")}
    assert len(locks) == 5
    for script in ("deploy/audit.py", "deploy/sbom.py"):
        (line,) = [one for one in done.stdout.splitlines() if script in one]
        assert set(line.split()) >= locks


def test_the_bills_are_no_part_of_the_repository() -> None:
    assert {"/sbom.cdx.json", "/sbom.*.cdx.json"} <= set((ROOT / ".gitignore").read_text().splitlines())
