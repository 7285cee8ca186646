"""Several processes train what one does.

`accelerate launch` starts as many only for GPUs or under MPI; torch's own launcher gives accelerate the same variables.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from tests.trainer.lora_rig import write_base

ROOT = Path(__file__).parents[2]
#: Nothing is drawn but the order.
CHANGES = {"tasks": "generator", "lora_dropout": 0.0, "max_steps": 12, "micro_batch": 4}
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--module", "tests.trainer.lora_rig")


@pytest.mark.timeout(300)
def test_two_processes_train_what_one_does(
    tmp_path: Path,
    tiny_model: Callable[[], OPTForCausalLM],
    profile: ModelProfile,
    tokenizer_json: str,
    meld_file: Callable[[int], Path],
) -> None:
    # 129 examples in batches of 16: one step has a single one, which both processes take.
    files = (meld_file(43), meld_file(12))
    found = {}
    for name, launch in (("one", ("-m", "tests.trainer.lora_rig")), ("two", LAUNCH)):
        base = write_base(tmp_path / name / "base", tiny_model(), profile, tokenizer_json)
        command = [sys.executable, *launch, base.parent, *files, json.dumps(CHANGES)]
        done = subprocess.run(
            [str(one) for one in command],
            cwd=ROOT,
            env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        results = [line for line in done.stdout.splitlines() if line.startswith("[")]
        assert len(results) == (2 if launch is LAUNCH else 1)
        assert len(set(results)) == 1, "every process comes to the same"
        found[name] = json.loads(results[0])
        assert sum(line.startswith("begin") for line in done.stdout.splitlines()) == 1, "one process tells"
    assert found["two"][0] == pytest.approx(found["one"][0], rel=1e-3)
