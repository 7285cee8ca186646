"""A worker process for tests: its own model's side on a scripted engine, killed by itself inside a swap if told so."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from prompts.profile import ModelProfile
from prompts.roles import Prompt
from schemas.taxonomy import Label
from worker import adapter_files
from worker.engines.contract import Adapter, Choice
from worker.engines.scripted import Script, ScriptedEngine
from worker.model_side import ModelSide
from worker.process import run_until_signalled
from worker.service import WorkerService
from worker.settings import WorkerSettings

#: In the order in which a swap to a new version reaches them.
POINTS: Final = ("fetched", "loading", "loaded", "first_question", "dropping")


class Killer:
    """SIGKILL, which nothing can clean up after, where a swap to one version gets to a point."""

    def __init__(self, version: str | None, point: str | None) -> None:
        self._version = version
        self._point = point

    def reach(self, point: str, version: str | None) -> None:
        if (point, version) == (self._point, self._version):
            os.kill(os.getpid(), signal.SIGKILL)


class MortalEngine(ScriptedEngine):
    """The scripted engine, with places to die at."""

    def __init__(self, model: str, script: Script, killer: Killer) -> None:
        super().__init__(model, script)
        self._killer = killer

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        self._killer.reach("first_question", adapter)
        return await super().choose(prompt, labels, adapter=adapter, sample_seed=sample_seed)

    async def load_adapter(self, adapter: Adapter) -> None:
        self._killer.reach("loading", adapter.version)
        await super().load_adapter(adapter)
        self._killer.reach("loaded", adapter.version)

    async def drop_adapter(self, version: str) -> None:
        await super().drop_adapter(version)
        # Whatever is dropped, the version that is told is the one that came.
        self._killer.reach("dropping", self._killer._version)


def main() -> int:
    """Run as the one argument, a JSON object, says."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    settings = WorkerSettings(**options["settings"])
    killer = Killer(options.get("version"), options.get("kill_at"))
    script = Script(delay_s=options.get("delay_s", 0.0), jitter=True)
    engine = MortalEngine(ModelProfile.read(Path(settings.model)).name, script, killer)
    download = adapter_files._download

    def fetched(uri: str, sha256: str, folder: Path) -> None:
        download(uri, sha256, folder)
        killer.reach("fetched", Path(uri).name)

    adapter_files._download = fetched
    return run_until_signalled(WorkerService(settings, ModelSide(settings, engine)))


if __name__ == "__main__":
    sys.exit(main())
