"""Writes a software bill of materials (CycloneDX) for each lock, offline: `make sbom`.

cyclonedx-py reads names and versions; the licences are those that the installed packages declare.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageMetadata, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

_BEGINNING: Final = 500
#: What older packages say in their classifiers, by SPDX's names.
_CLASSIFIERS: Final = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Other/Proprietary License": "LicenseRef-proprietary",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
#: The same in the free text of ``License``; the first that is found there counts.
_WORDS: Final = (
    (r"apache", "Apache-2.0"),
    (r"bsd[- ]?2|2-clause", "BSD-2-Clause"),
    (r"bsd", "BSD-3-Clause"),
    (r"\bmpl\b|mozilla", "MPL-2.0"),
    (r"\bpsf\b|python software", "PSF-2.0"),
    (r"\blgpl", "LGPL-2.1-or-later"),
    (r"\bisc\b", "ISC"),
    (r"\bmit\b|permission is hereby granted, free of charge", "MIT"),
    (r"nvidia|intel|proprietary", "LicenseRef-proprietary"),
)


def licence(name: str) -> str | None:
    """An SPDX expression; None where the package is not installed, or says nothing that can be told."""
    try:
        found_here = distribution(name)
    except PackageNotFoundError:
        return None
    declared = found_here.metadata
    if expression := _one(declared, "License-Expression"):
        return expression
    found = [one.rpartition(" :: ")[2] for one in declared.get_all("Classifier") or () if one.startswith("License ::")]
    known = [_CLASSIFIERS[one] for one in found if one in _CLASSIFIERS]
    if known:
        return " OR ".join(dict.fromkeys(known))
    words = (_one(declared, "License") or _text(found_here)).lower()
    return next((spdx for pattern, spdx in _WORDS if re.search(pattern, words)), None)


def _text(found: Distribution) -> str:
    """How its licence begins, where a file is all that it has."""
    for file in found.files or ():
        if (
            file.name.upper().startswith(("LICENSE", "LICENCE"))
            and (path := Path(str(found.locate_file(file)))).is_file()
        ):
            return path.read_text(errors="replace")[:_BEGINNING]
    return ""


def bill(lock: Path, *, validated: bool = True) -> dict[str, Any]:
    """The bill as JSON has it: each pinned package with its version, and its licence where it is known.

    Args:
        lock: the pins.
        validated: against CycloneDX's schema, which takes ten times as long as the bill itself.
    """
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(lock), "--output-reproducible", "--of", "JSON"]
    check = "--validate" if validated else "--no-validate"
    done = subprocess.run([*command, check, "-o", "-"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    for component in found["components"]:
        # Where packages come from is each site's own affair.
        component.pop("externalReferences", None)
        if spdx := licence(component["name"]):
            component["licenses"] = [{"expression": spdx}]
    return found


def _one(declared: PackageMetadata, name: str) -> str | None:
    return str(declared[name]) if name in declared else None


def target(lock: Path) -> Path:
    """``sbom.cdx.json`` for requirements.lock.txt; ``sbom.worker.cdx.json`` for deploy/requirements.worker.txt."""
    what = lock.name.removeprefix("requirements.").removesuffix(".txt")
    return Path("sbom.cdx.json" if what == "lock" else f"sbom.{what}.cdx.json")


def main() -> None:
    """Write the bills of the locks that the arguments name, into the folder where it is run."""
    for number, lock in enumerate(map(Path, sys.argv[1:])):
        # The schema is the same for all, and so is what writes them.
        found = bill(lock, validated=number == 0)
        target(lock).write_text(json.dumps(found, indent=2) + "\n")
        unknown = ", ".join(one["name"] for one in found["components"] if "licenses" not in one)
        sys.stdout.write(f"{target(lock)}: {len(found['components'])} packages; no licence known of {unknown or '-'}\n")


if __name__ == "__main__":
    main()
