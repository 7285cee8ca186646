"""vLLM's own OpenAI-compatible server, as production runs it, on a free port."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from sentistream.embedded.child import ChildProcess
from sentistream.embedded.ports import kept_ports
from tests.waiting import wait_for

_START_S = 400.0
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TORCH_COMPILE_DISABLE": "1",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
}
_OPTIONS: Final[dict[str, object]] = {
    "--host": "127.0.0.1",
    "--dtype": "float32",
    "--max-model-len": 512,
    "--max-num-seqs": 16,
    "--max-loras": 2,
    "--max-lora-rank": 16,
}


@contextmanager
def vllm_server(model: Path, name: str, folder: Path) -> Iterator[str]:
    """Serve a model folder under a name; gives the base URL."""
    (port,) = kept_ports(folder / "ports.json", 1)
    # What `vllm serve` runs. The command itself asks for the version of a package named vllm; ours is vllm-cpu.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--skip-tokenizer-init", "--enforce-eager", "--enable-lora"]
    options = _OPTIONS | {"--served-model-name": name, "--port": port}
    command += [str(word) for pair in options.items() for word in pair]
    child = ChildProcess(command, folder / "vllm.log", _ENVIRONMENT)

    def ready() -> bool:
        assert child.exit_status is None, f"vLLM's server ended:\n{child.log_tail(40)}"
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).is_success
        except httpx.HTTPError:
            return False

    try:
        wait_for(ready, "vLLM's server answers", _START_S)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        child.stop()
