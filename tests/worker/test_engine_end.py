"""What no record is to blame for and no waiting mends ends the worker: it must not become dead letters, nor a pause."""

from collections.abc import Callable
from datetime import datetime

import pytest

from schemas.event import EmotionEvent, Policy
from schemas.request import SanmRequest
from tests.waiting import wait_for
from tests.worker.fake_labelling import FakeLabeller, FakeLabelling
from tests.worker.kafka_rig import Rig, RunningWorker, make_request, running
from worker.engines.contract import EngineEndedError
from worker.errors import EngineLostError, ExitCode, OutOfMemoryError, WorkerError

pytestmark = pytest.mark.kafka

MakeRig = Callable[..., Rig]


class Failing(FakeLabeller):
    """Answers some, then fails by the same error for good."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def label(self, request: SanmRequest, *, taken_at: datetime, policy: Policy | None = None) -> EmotionEvent:
        if request.source.offset >= 5:
            raise self._error
        return await super().label(request, taken_at=taken_at, policy=policy)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (EngineEndedError("the vLLM engine died: out of memory"), EngineLostError, ExitCode.ENGINE),
        (MemoryError(), OutOfMemoryError, ExitCode.MEMORY),
    ],
)
def test_it_ends_the_worker_and_a_new_one_goes_on(
    rig: MakeRig, error: Exception, kind: type[WorkerError], status: ExitCode
) -> None:
    one = rig()
    one.publish(make_request(0, offset) for offset in range(20))
    worker = RunningWorker(one.settings(), FakeLabelling(Failing(error)), None)
    wait_for(lambda: worker.error is not None, "its end")
    assert isinstance(worker.error, kind)
    assert worker.error.exit_code is status
    with running(one.settings()):
        seen = one.events(at_least=20)
    assert seen.offsets(0) == list(range(20))
    assert not one.dead_letters().messages
