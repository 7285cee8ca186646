"""What the locks pin: bills of materials that name all, licences that suit ours, an audit that does not bluff."""

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
#: The one image whose pins are not all in the lock: with vLLM for GPUs.
WORKER = ROOT / "deploy" / "requirements.worker.txt"
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
    # `make sbom` holds it against the schema, which takes ten times as long.
    found: dict[str, Any] = load("sbom").bill(LOCK, validated=False)
    return found


def pinned(lock: Path) -> set[tuple[str, str]]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", lock.read_text(), re.MULTILINE))


def test_the_bill_names_every_pinned_package_with_its_version(bill: dict[str, Any]) -> None:
    assert len(pinned(LOCK)) > 200
    assert {(one["name"], one["version"]) for one in bill["components"]} == pinned(LOCK)
    assert bill["bomFormat"] == "CycloneDX"
    assert "://" not in json.dumps(bill["components"])


def test_each_lock_has_a_bill_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cyclonedx_py")
    sbom = load("sbom")
    make = sbom.bill
    monkeypatch.setattr(sbom, "bill", lambda lock, **_: make(lock, validated=False))
    monkeypatch.chdir(tmp_path)
    small = tmp_path / "requirements.lock.txt"
    small.write_text("click==8.4.2\n")
    monkeypatch.setattr(sys, "argv", ["sbom", str(small), str(WORKER)])
    sbom.main()
    found = json.loads((tmp_path / "sbom.worker.cdx.json").read_text())["components"]
    assert {(one["name"], one["version"]) for one in found} == pinned(WORKER)
    assert [one["name"] for one in json.loads((tmp_path / "sbom.cdx.json").read_text())["components"]] == ["click"]
    assert f"sbom.worker.cdx.json: {len(found)} packages" in capsys.readouterr().out


def test_the_images_pin_what_the_lock_does_but_for_the_workers_gpu() -> None:
    """So that what is tested and audited here is what runs there."""
    for lock in sorted((ROOT / "deploy").glob("requirements.*.txt")):
        assert lock == WORKER or pinned(lock) <= pinned(LOCK), lock.name
    assert "vllm" in dict(pinned(WORKER) - pinned(LOCK))


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


def test_a_hole_in_any_lock_is_found_and_nothing_is_asked_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = load("audit")
    locks = [tmp_path / name for name in ("lock.txt", "streams.txt", "worker.txt")]
    for lock, own in zip(locks, ("", "", "vllm==0.1\n"), strict=True):
        lock.write_text(f"# made by uv\nclick==8.4.2\n{own}")
    asked: list[list[str]] = []

    def answer(pins: list[str]) -> dict[str, Any]:
        asked.append(pins)
        holes = [{"id": "PYSEC-2"}] if pins == ["vllm==0.1"] else []
        name, _, version = pins[0].partition("==")
        return {"dependencies": [{"name": name, "version": version, "vulns": holes}]}

    monkeypatch.setattr(sys, "argv", ["audit", *map(str, locks)])
    monkeypatch.setattr(audit, "audit", answer)
    assert audit.main() == 1
    told = capsys.readouterr().out
    assert "vllm 0.1: PYSEC-2 (mended in: not yet)" in told
    assert f"{locks[2]}: 1 packages checked, 1 known holes" in told
    # The first is the look whether anybody answers.
    assert asked == [["click==8.4.2"], ["click==8.4.2"], ["vllm==0.1"]]


def goes(expression: str) -> bool:
    """Every part of it, or one of its alternatives, is on the list."""
    parts = expression.replace("(", "").replace(")", "").split(" AND ")
    return all(any(one.strip() in ALLOWED for one in part.split(" OR ")) for part in parts)
