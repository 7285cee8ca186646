"""The direct side of `bench.pipeline`: reads requests from Kafka, and asks their prompts all at once.

For each number on standard input, so many requests are read; only the asking is timed.
"""

import asyncio
import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition

from bench.pipeline_rig import PARTITIONS
from prompts.profile import ModelProfile, find_model
from prompts.roles import Prompt, RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.codec import decode_request
from schemas.request import SanmRequest
from sentistream.logs import LogSettings, configure_logging
from worker.engines.contract import Choice, Engine
from worker.model_side import build_engine
from worker.settings import WorkerSettings


class Requests:
    """Reads the topic that the stream writes, from its beginning."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._consumer = Consumer(
            {**settings.librdkafka(), "group.id": "bench-direct", "isolation.level": "read_committed", "log_level": 0}
        )
        self._consumer.assign([TopicPartition(settings.requests, one, 0) for one in range(PARTITIONS)])

    def read(self, count: int) -> list[SanmRequest]:
        """The next so many."""
        found: list[SanmRequest] = []
        while len(found) < count:
            for record in self._consumer.consume(count - len(found), timeout=1.0):
                if record.error() is None:
                    request = decode_request(record.value() or b"")
                    assert isinstance(request, SanmRequest)  # noqa: S101 - the benchmark publishes nothing else
                    found.append(request)
        return found


async def ask_all(engine: Engine, roles: RolePrompts, requests: list[SanmRequest]) -> tuple[float, float]:
    """Prompts per second, and tokens per prompt."""
    prompts = [roles.ask(roles.open(one.prompt)) for one in requests]
    labels = requests[0].prompt.labels

    async def ask(prompt: Prompt) -> Choice:
        return await engine.choose(prompt, labels)

    began = time.perf_counter()
    answers = await asyncio.gather(*map(ask, prompts))
    seconds = time.perf_counter() - began
    return len(requests) / seconds, sum(one.prompt_tokens for one in answers) / len(answers)


async def main() -> None:
    """Serve standard input."""
    settings = WorkerSettings(engine="vllm", engine_timeout_seconds=600.0)
    folder = find_model(settings.model)
    profile = ModelProfile.read(folder)
    roles = RolePrompts(profile, PromptTokenizer(folder))
    # As the worker makes it, with the same settings.
    engine = build_engine(settings, folder, profile, roles)
    await engine.start()
    requests = Requests(settings)
    print("RESULT []", flush=True)
    for line in sys.stdin:
        found = await ask_all(engine, roles, requests.read(int(line)))
        print("RESULT", json.dumps(found), flush=True)


if __name__ == "__main__":
    configure_logging(LogSettings(log_level="WARNING"))
    asyncio.run(main())
