"""Choices that are the same for ever: by a hash of a name, salted so that one choice says nothing about another."""

import hashlib


def digest(salt: str, name: str) -> bytes:
    """32 bytes."""
    return hashlib.sha256(f"{salt}\0{name}".encode()).digest()
