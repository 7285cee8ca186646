"""An engine behind HTTP that can be broken: `python -m tests.faults.engine_server PORT FILE`.

It answers as the double of `tests.worker.openai_double` does, and as the word in the file says: `well`, `errors` (500),
`slow` (ten times slower). It is frozen, killed and started again by its process.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from tests.worker.openai_double import Asked, OpenAIDouble

#: Seconds of one answer when all is well.
DELAY_S: Final = 0.02


class BreakableDouble(OpenAIDouble):
    """Looks into the file at each call."""

    def __init__(self, mood: Path) -> None:
        super().__init__("test")
        self._mood = mood
        self.override = self._as_told

    def _as_told(self, asked: Asked) -> tuple[int, Any] | None:
        del asked
        return (500, "broken as told") if self._mood.read_text() == "errors" else None

    async def _handle(self, request: web.Request) -> web.Response:
        self.delay_s = DELAY_S * (10 if self._mood.read_text() == "slow" else 1)
        self.requests.clear()
        return await super()._handle(request)


async def serve(port: int, mood: Path) -> None:
    """Until the process ends."""
    app = web.Application()
    app.router.add_route("*", "/v1/{path:.*}", BreakableDouble(mood)._handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
