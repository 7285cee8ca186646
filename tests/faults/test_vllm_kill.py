"""The worker with the real vLLM is killed: nothing of its engine is left, and nothing of its work is lost."""

import random
import time
from collections import deque
from typing import Final

import pytest

from prompts.profile import SHIPPED_MODEL
from prompts.settings import PromptSettings, ServedBuilders
from tests.faults.campaign import endure
from tests.faults.conftest import MakePipeline
from tests.faults.left_behind import family, left_behind
from tests.faults.pipeline import Pipeline, Service, is_ready, kill
from tests.faults.report import Report, Row
from tests.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.vllm, pytest.mark.soak, pytest.mark.timeout(900)]

_MODEL: Final = SHIPPED_MODEL
_BOUND_S: Final = 10.0
_TIMES: Final = 5


class EngineKills:
    """SIGKILL of a worker that works, and a look for what it leaves behind."""

    def __init__(self, one: Pipeline, worker: Service, times: int, every: int) -> None:
        self._one = one
        self._worker = worker
        self._marks = deque(every * (number + 1) for number in range(times))
        self.seconds: list[float] = []

    @property
    def over(self) -> bool:
        return not self._marks

    def strike(self, done: int) -> int:
        process = self._worker.process
        if not self._marks or process is None or process.poll() is not None or not is_ready(self._worker):
            return 0
        if done < self._marks[0]:
            return 0
        self._marks.popleft()
        children = family(process.pid)
        kill(self._worker)
        at = time.monotonic()
        wait_for(lambda: not left_behind(process.pid, children), "no process of the engine is left", _BOUND_S)
        self.seconds.append(time.monotonic() - at)
        return 0


@pytest.mark.parametrize("part", ["first", "second"])
def test_soak_the_real_worker_killed(pipeline: MakePipeline, draw: random.Random, report: Report, part: str) -> None:
    one = pipeline(3)
    stream = one.add_stream(1)
    worker = one.add_worker(1)
    for service in (stream, worker):
        service.settings["MODEL"] = _MODEL
    worker.settings |= {"ENGINE": "vllm", "SANM_POLICY": "one-pass"}
    fault = EngineKills(one, worker, _TIMES, 100)
    name = f"the worker with the real vLLM ({_MODEL}) killed by SIGKILL: no process of its engine left after 10 s"
    against = (
        "processes that outlive a killed worker, in its session and in one of their own, are seen "
        "(tests/faults/test_left_behind.py). With one GPU or none vLLM's engine runs in the worker's process; "
        "more were not tried"
    )
    row = Row(id="72-vllm-killed", part=part, fault=name, times=0, against=against)
    builder = ServedBuilders(PromptSettings(model=_MODEL)).of()
    row = endure(one, builder, fault, draw, row, 100 * (_TIMES + 1))
    note = f"the last process was gone after {max(fault.seconds):.1f} s at most; real vLLM on the CPU"
    row = report.add(row.model_copy(update={"times": len(fault.seconds), "note": note}))
    assert row.times == _TIMES
    assert row.fates is not None
    assert row.fates.clean, row
