"""A stream whose records are dated two hours ahead, as aiokafka dates them where the clock is."""

import sys
import time
from typing import Any, Final

from aiokafka.producer.message_accumulator import BatchBuilder

from sentistream.__main__ import main

_AHEAD_MS: Final = 2 * 3_600_000
_append = BatchBuilder.append


def _append_ahead(self: BatchBuilder, **given: Any) -> Any:
    return _append(self, **given | {"timestamp": int(time.time() * 1000) + _AHEAD_MS})


if __name__ == "__main__":
    BatchBuilder.append = _append_ahead
    sys.argv = ["sentistream", "streams"]
    main()
