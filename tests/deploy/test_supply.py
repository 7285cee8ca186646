"""What the lock pins: a bill of materials that names all, licences that suit ours, an audit that does not bluff."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock.txt"
ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CNRI-Python"),
    *("ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib"),
    # Its terms are about its own files, which stay as they are.
    "MPL-2.0",
}
#: Packages of other terms, and why they may be there all the same. None of them is part of what we give out.
EXCEPTIONS = {
    r"intel-(cmplr-lib-ur|openmp)": "Intel's run-time libraries, which the CPU build of vLLM loads; free to use",
    r"nvidia-.*": "NVIDIA's run-time libraries, which torch loads; free to use",
    "pycountry": "LGPL-2.1: imported as it is, by vLLM's tokenizers, and replaceable",
}

#: Say nothing: a list of NVIDIA's libraries, without a file of its own.
UNSAID = {"cuda-toolkit"}


def load(name: str) -> ModuleType:
    """A script of deploy/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"deploy_{name}", ROOT / "deploy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    pytest.importorskip("cyclonedx_py")
    found: dict[str, Any] = load("sbom").bill(LOCK)
    return found


def test_the_bill_names_every_pinned_package_with_its_version(bill: dict[str, Any]) -> None:
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", LOCK.read_text(), re.MULTILINE))
    assert len(pinned) > 200
    assert {(one["name"], one["version"]) for one in bill["components"]} == pinned
    assert bill["bomFormat"] == "CycloneDX"
    assert "://" not in json.dumps(bill["components"])


def test_what_is_installed_has_a_known_licence(bill: dict[str, Any]) -> None:
    licence = load("sbom")
    unknown = [one["name"] for one in bill["components"] if "licenses" not in one]
    for name in set(unknown) - UNSAID:
        with pytest.raises(licence.PackageNotFoundError):
            licence.distribution(name)
    assert len(unknown) < 0.1 * len(bill["components"])


def test_every_licence_goes_with_ours(bill: dict[str, Any]) -> None:
    bad = {
        one["name"]: one["licenses"][0]["expression"]
        for one in bill["components"]
        if "licenses" in one
        and not goes(one["licenses"][0]["expression"])
        and not any(re.fullmatch(pattern, one["name"]) for pattern in EXCEPTIONS)
    }
    assert not bad


@pytest.mark.parametrize(
    ("expression", "good"),
    [("MIT", True), ("GPL-3.0-only OR MIT", True), ("GPL-3.0-only AND MIT", False), ("AGPL-3.0-only", False)],
)
def test_licences_are_read_as_spdx_means_them(expression: str, *, good: bool) -> None:
    assert goes(expression) is good


def test_an_audit_of_nothing_is_no_clean_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Here, as behind many firewalls, pip-audit says that all is well because it was told of no package."""
    audit = load("audit")
    skipped = {"dependencies": [{"name": "click", "skip_reason": "not found"}]}
    lock = tmp_path / "lock.txt"
    lock.write_text("click==8.4.2\n")
    monkeypatch.setattr(sys, "argv", ["audit", str(lock)])
    for answer in (skipped, None):
        monkeypatch.setattr(audit, "audit", lambda _, answer=answer: answer)
        assert audit.main() == 0
        assert "NOTHING WAS CHECKED" in capsys.readouterr().out


def test_a_known_hole_fails_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    audit = load("audit")
    hole = {"id": "PYSEC-1", "fix_versions": ["9"]}
    answer = {"dependencies": [{"name": "click", "version": "8.4.2", "vulns": [hole]}]}
    lock = tmp_path / "lock.txt"
    lock.write_text("click==8.4.2\n")
    monkeypatch.setattr(sys, "argv", ["audit", str(lock)])
    monkeypatch.setattr(audit, "audit", lambda _: answer)
    assert audit.main() == 1
    assert "click 8.4.2: PYSEC-1 (mended in: 9)" in capsys.readouterr().out


def goes(expression: str) -> bool:
    """Every part of it, or one of its alternatives, is on the list."""
    parts = expression.replace("(", "").replace(")", "").split(" AND ")
    return all(any(one.strip() in ALLOWED for one in part.split(" OR ")) for part in parts)
