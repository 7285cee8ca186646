"""The live adapter: can a worker here fetch it, is it what was released, was it made for the model that is served?"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prompts.errors import ProfileError
from prompts.profile import find_model
from sentistream.doctor.deployment import Deployment
from sentistream.doctor.finding import Finding, fail, ok, unchecked
from trainer.registry.errors import ReleaseError
from trainer.registry.topic import ReleaseTopic
from worker.adapter_checks import AdapterFolders, ServedModel
from worker.engines.contract import AdapterRefusedError, AdapterStoreError

CHECK: Final = "live adapter"


def check_adapter(deployment: Deployment) -> Iterator[Finding]:
    """As a worker does it, in a cache of its own."""
    worker, model = deployment.worker, deployment.model_name
    try:
        live = ReleaseTopic(worker, worker.releases).latest(model)
    except ReleaseError as error:
        yield unchecked(CHECK, str(error), f"Give this user Read on {worker.releases}.")
        return
    if live is None or live.version is None:
        yield ok(CHECK, f"none: {model} serves without one")
        return
    served = ServedModel(model, _folder(worker.model))
    try:
        with tempfile.TemporaryDirectory(prefix="sentistream-doctor-") as cache:
            AdapterFolders(Path(cache), served, worker.max_adapter_rank).get(live)
    except AdapterStoreError as error:
        yield fail(
            CHECK,
            f"{live.version}: {error}",
            "Workers keep what they have: bring the store back, and give them its address and login.",
        )
        return
    except AdapterRefusedError as error:
        yield fail(
            CHECK,
            f"{live.version} would be refused ({error.reason}): {error}",
            "`sentistream adapters rollback`, or publish and release it anew.",
        )
        return
    against = "made for this base" if served.sha256 else f"not compared with the base: {worker.model} is not here"
    yield ok(CHECK, f"{live.version} at {live.uri}: fetched, checksum right, {against}")


def _folder(model: str) -> Path:
    try:
        return find_model(model)
    except ProfileError:
        return Path(model)
