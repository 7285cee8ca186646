"""Chat text as prompts take it, and the language that it is in."""

import re
from typing import Final

#: Control characters, and the marks that reorder or hide text on a screen. Emoji keep their joiner (200D).
_NOT_TEXT: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]"
)
#: How chat models mark turns; a server would take them for its own inside a message's text.
_MARKERS: Final = re.compile(r"<(?=\|)|(?<=\|)>")
#: What else a server may take for a mark of its own: </s>, <start_of_turn>, <｜User｜>; and [INST].
_TAG: Final = re.compile(r"</?[A-Za-z|\uff5c][^<>\s]{0,40}>")
_BRACKETS: Final = re.compile(r"\[(/?[A-Z][A-Z_]{1,30})\]")
_SPACE: Final = re.compile(r"\s+")
_SCRIPTS: Final = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)
_LETTER: Final = re.compile(r"[^\W\d_]")
#: A script is taken for the text's where it has this share of the letters.
_SHARE: Final = 0.3


def clean(text: str) -> str:
    """One line, single spaces, nothing that a terminal or a tokenizer would take for a command."""
    if text.isascii() and text.isprintable() and "  " not in text and "|" not in text:
        return text.strip()
    return _SPACE.sub(" ", _MARKERS.sub(" ", _NOT_TEXT.sub(" ", text))).strip()


def as_data(text: str) -> str:
    """A text for a chat model whose server reads marks out of plain text: no mark is one any more, a reader sees it."""
    if "<" not in text and "[" not in text:
        return text
    return _BRACKETS.sub(r"(\1)", _TAG.sub(_angles, text))


def _angles(found: re.Match[str]) -> str:
    return found[0].replace("<", "\u2039").replace(">", "\u203a")


def language_of(text: str, tag: str | None) -> str:
    """The primary language subtag: the one that the platform gave, else told from the script, else ``en``."""
    if tag:
        return tag.split("-", 1)[0].lower()
    if text.isascii():
        return "en"
    letters = len(_LETTER.findall(text))
    for language, script in _SCRIPTS:
        if letters and len(script.findall(text)) >= _SHARE * letters:
            return language
    return "en"
