"""Addresses as they may be logged."""

import re


def shown_address(address: str) -> str:
    """Without the login before its host, and what stands behind a question mark, where a password may be too."""
    before, _, behind = address.partition("?")
    if "@" in behind:
        # Either may be the password: one before the host with a question mark in it, or one behind with an @.
        return f"{before.partition('//')[0]}//***"
    return re.sub(r"//.*@", "//***@", before)
