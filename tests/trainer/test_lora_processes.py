"""`accelerate launch` with several processes trains what one process does."""

import json
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
LAUNCH = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1")


@pytest.mark.timeout(300)
def test_two_processes_train_what_one_does(
    tmp_path: Path,
    tiny_model: Callable[[], OPTForCausalLM],
    profile: ModelProfile,
    tokenizer_json: str,
    meld_file: Callable[[int], Path],
) -> None:
    # Batches of 16 from 128 examples: both processes get as many.
    files = (meld_file(43), meld_file(12))
    found = {}
    for name, launch in (("one", ()), ("two", (*LAUNCH, "--mixed_precision", "no", "--dynamo_backend", "no"))):
        base = write_base(tmp_path / name / "base", tiny_model(), profile, tokenizer_json)
        module = ["-m", "tests.trainer.lora_rig"] if not launch else ["--module", "tests.trainer.lora_rig"]
        command = [sys.executable, *launch, *module, base.parent, *files, json.dumps(CHANGES)]
        done = subprocess.run([str(one) for one in command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        results = [line for line in done.stdout.splitlines() if line.startswith("[")]
        assert len(results) == (2 if launch else 1)
        assert len(set(results)) == 1, "every process comes to the same"
        found[name] = json.loads(results[0])
        assert sum(line.startswith("begin") for line in done.stdout.splitlines()) == 1, "one process tells"
    assert found["two"][0] == pytest.approx(found["one"][0], rel=1e-3)
