"""How a stream is: when each of its parts last went well."""

import time
from typing import Final

import orjson

from schemas.health_server import Health

#: faust's fetching loop goes round every second; Kafka's answers may take some more.
STALE_S: Final = 30.0

#: Names of what is checked, each with seconds since it was well.
Ages = dict[str, float]


def stream_health(ages: Ages) -> Health:
    """Well while every age is below its limit."""
    well = all(age < STALE_S for age in ages.values())
    body = {"healthy": well, "age_s": {name: round(age, 1) for name, age in ages.items()}}
    return Health(well, orjson.dumps(body), "application/json")


class Heartbeat:
    """When something last went well, told from any thread."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        """It goes well now."""
        self._at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._at
