"""A run that is killed, for real and at any step, ends like one that was not."""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from tests.trainer.lora_rig import write_base
from trainer.lora.loading import CONFIG_FILE, WEIGHTS_FILE

ROOT = Path(__file__).parents[2]
CHANGES = {"checkpoint_steps": 3, "epochs": 3, "patience": None}
STEPS = 3 * 8


def start(folder: Path, files: tuple[Path, Path]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.trainer.lora_rig", folder, *files, json.dumps(CHANGES)]
    return subprocess.Popen(
        [str(one) for one in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def finish(folder: Path, files: tuple[Path, Path]) -> tuple[list[str], str]:
    lines = start(folder, files).communicate(timeout=120)[0].splitlines()
    return lines[:-1], lines[-1]


@pytest.mark.timeout(300)
def test_a_killed_run_ends_like_an_unkilled_one(
    tmp_path: Path,
    tiny_model: Callable[[], OPTForCausalLM],
    profile: ModelProfile,
    tokenizer_json: str,
    meld_file: Callable[[int], Path],
) -> None:
    files = (meld_file(40), meld_file(12))
    for name in ("whole", "killed"):
        write_base(tmp_path / name / "base", tiny_model(), profile, tokenizer_json)
    _, expected = finish(tmp_path / "whole", files)

    seed = random.randrange(1 << 30)
    at = sorted(random.Random(seed).sample(range(4, STEPS), 2))
    for step in at:
        process = start(tmp_path / "killed", files)
        assert process.stdout is not None
        for line in process.stdout:
            if line == f"step {step}\n":
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL, "it was alive at that step"
        process.stdout.close()
        assert not (tmp_path / "killed" / "work-out").exists()
    lines, found = finish(tmp_path / "killed", files)
    assert lines[0] not in ("begin 0", ""), "it went on from a checkpoint"
    assert found == expected, f"seed {seed}"
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        assert (tmp_path / "killed/work-out" / name).read_bytes() == (tmp_path / "whole/work-out" / name).read_bytes()
