"""The exit status says whether something is to be mended, and whether all was looked at."""

import pytest

from sentistream.doctor.finding import Finding, exit_status, fail, ok, unchecked, warn

GOOD, BAD = ok("a", "well"), fail("b", "broken", "Mend it.")
MEAGRE, DARK = warn("c", "low", "Raise it."), unchecked("d", "hidden", "Ask.")


@pytest.mark.parametrize(
    ("findings", "strict", "status"),
    [
        ([GOOD], True, 0),
        ([GOOD, MEAGRE], False, 0),
        ([GOOD, MEAGRE], True, 1),
        ([GOOD, DARK], False, 2),
        ([BAD, DARK], False, 1),
    ],
)
def test_the_exit_status(findings: list[Finding], *, strict: bool, status: int) -> None:
    assert exit_status(findings, strict=strict) == status
