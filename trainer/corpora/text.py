"""Undoing what earlier encodings left in published corpora."""

import re

#: MELD and others hold Windows-1252 bytes that were read as Latin-1, as characters U+0080 to U+009F.
_CONTROL = re.compile("[\x80-\x9f]")
#: The same, written out as an escape: the six characters of ``\\u0092`` or the four of ``\\x92``.
_ESCAPED = re.compile(r"\\u00([89][0-9a-fA-F])|\\x([89][0-9a-fA-F])")


def _windows_1252(character: str) -> str:
    # Five of the 32 are unassigned in Windows-1252; such a character says nothing and is dropped.
    return character.encode("latin-1").decode("cp1252", errors="ignore")


def repair(text: str) -> str:
    """The text with Windows-1252 leftovers turned into what they stood for, and without a byte order mark."""
    text = _ESCAPED.sub(lambda found: _windows_1252(chr(int(found[1] or found[2], 16))), text)
    return _CONTROL.sub(lambda found: _windows_1252(found[0]), text).removeprefix("\ufeff").strip()
