"""Who labels: a model's own answers must never come back as what people said."""

import re
from collections.abc import Iterable
from typing import Final

#: How adapter versions are named: ``20261121T031500Z-3f2a``.
_VERSION: Final = re.compile(r"\b\d{8}t\d{6}z-[0-9a-f]{4}\b")
#: Between the parts of a name such as ``sentistream-enzh-37m@20261121T031500Z-3f2a`` or ``bot:sentistream-enzh-37m``.
_BETWEEN: Final = re.compile(r"[\s/@:+,;()\[\]]+")


class Machines:
    """Names that are no person's."""

    def __init__(self, names: Iterable[str | None]) -> None:
        """Models, adapter versions, programs; None is passed over."""
        self._names = {one.strip().casefold() for one in names if one and one.strip()}

    def has(self, labelled_by: str) -> bool:
        """It is one of the names, holds one as a part, or holds the name of an adapter's version."""
        name = labelled_by.strip().casefold()
        parts = {name, *_BETWEEN.split(name)}
        return bool(parts & self._names) or _VERSION.search(name) is not None
