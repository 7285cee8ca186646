"""A worker whose engine ends for good after so many answers, as one in its own process may; then it is whole.

`python -m tests.faults.ending_engine_child SIGNAL TIMES POINT COUNT`; only the count matters, in tens of answers.
"""

import sys
from collections.abc import Sequence
from typing import Any

from prompts.roles import Prompt
from schemas.taxonomy import Label
from sentistream.logs import configure_logging
from worker.engines.contract import Choice, EngineEndedError
from worker.engines.scripted import Script, ScriptedEngine
from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.service import WorkerService
from worker.settings import WorkerSettings


class EndingEngine(ScriptedEngine):
    """Answers so often."""

    def __init__(self, answers: int, script: Script) -> None:
        super().__init__("test", script)
        self._answers = answers

    async def choose(self, prompt: Prompt, labels: Sequence[Label], **given: Any) -> Choice:
        """Answer, or be over."""
        self._answers -= 1
        if self._answers < 0:
            raise EngineEndedError("the engine ended as told")
        return await super().choose(prompt, labels, **given)


if __name__ == "__main__":
    configure_logging()
    settings = WorkerSettings()
    script = Script(settings.scripted_seed, settings.scripted_delay_seconds, jitter=True)
    side = ModelSide(settings, EndingEngine(int(sys.argv[-1]) * 10, script))
    sys.exit(run_until_signalled(WorkerService(settings, side)))
