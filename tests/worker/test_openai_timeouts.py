"""A server that was too slow for a while is used again: calls that were given up leave nothing behind."""

import asyncio

from tests.worker.openai_double import OpenAIDouble
from worker.engines.contract import EngineUnavailableError
from worker.engines.openai_http import OpenAIClient, Server

#: As many as MAX_IN_FLIGHT by default; each calls again until it is answered.
_CALLS = 512
_TIMEOUT_S = 0.3


async def _until_answered(client: OpenAIClient) -> None:
    while True:
        try:
            await client.call("GET", "models")
        except EngineUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return


async def test_after_a_storm_of_timeouts_every_call_is_answered() -> None:
    async with OpenAIDouble().running() as double:
        client = OpenAIClient(Server(double.url, double.model, timeout_s=_TIMEOUT_S, connections=_CALLS))
        double.delay_s = 30.0
        calls = [asyncio.create_task(_until_answered(client)) for _ in range(_CALLS)]
        await asyncio.sleep(2 * _TIMEOUT_S)
        double.delay_s = 0.0
        async with asyncio.timeout(30):
            await asyncio.gather(*calls)
        await client.close()
