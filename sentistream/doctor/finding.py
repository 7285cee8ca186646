"""What a check found: how it stands, in words, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        check: what was looked at.
        found: how it is.
        to_do: one sentence; empty where nothing is to be done.
    """

    check: str
    status: Status
    found: str
    to_do: str = ""


def ok(check: str, found: str) -> Finding:
    """As it should be."""
    return Finding(check, Status.OK, found)


def warn(check: str, found: str, to_do: str) -> Finding:
    """It works now, and may not later."""
    return Finding(check, Status.WARN, found, to_do)


def fail(check: str, found: str, to_do: str) -> Finding:
    """Something stops, loses or tears apart."""
    return Finding(check, Status.FAIL, found, to_do)


def unchecked(check: str, found: str, to_do: str) -> Finding:
    """It could not be looked at."""
    return Finding(check, Status.UNCHECKED, found, to_do)


def exit_status(findings: Iterable[Finding], *, strict: bool) -> int:
    """1: something must be mended (with `strict` a warning too); 2: nothing is known to, but not all was checked."""
    found = {finding.status for finding in findings}
    if Status.FAIL in found:
        return 1
    if Status.UNCHECKED in found:
        return 2
    return 1 if strict and Status.WARN in found else 0
