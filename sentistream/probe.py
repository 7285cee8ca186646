"""Asks a service of this container for its health: ``python -m sentistream.probe PORT``. Exit status 0 or 1.

For images without curl. Only the standard library, for it runs every few seconds.
"""

import http.client
import sys
from typing import Final

_TIMEOUT_S: Final = 4.0


def is_healthy(port: int) -> bool:
    """True if /healthz answers 200 in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"/healthz on port {port}: {error}\n")
        return False
    else:
        sys.stderr.write(answer.read().decode(errors="replace"))
        return answer.status == http.client.OK
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy(int(sys.argv[1])) else 1)
