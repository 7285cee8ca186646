"""A worker whose model refuses one prompt in three for good, as one that is too long would be."""

import sys
from typing import Any

from schemas.event import EmotionEvent
from schemas.request import SanmRequest
from sentistream.logs import configure_logging
from worker.engines.contract import PromptRefusedError
from worker.labelling import SanmLabeller
from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.service import WorkerService
from worker.settings import WorkerSettings

_label = SanmLabeller.label


async def _label_some(self: SanmLabeller, request: SanmRequest, **given: Any) -> EmotionEvent:
    if int(request.message.message_id[1:]) % 3 == 0:
        raise PromptRefusedError("refused as told")
    return await _label(self, request, **given)


if __name__ == "__main__":
    configure_logging()
    SanmLabeller.label = _label_some  # type: ignore[method-assign]
    settings = WorkerSettings()
    sys.exit(run_until_signalled(WorkerService(settings, ModelSide(settings))))
