"""A version of the registry, or the base model, ready to be asked."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prompts.settings import ServedBuilders
from trainer.gate.answers import Serving, Trust
from trainer.registry.store import Registry
from trainer.watch.answers import Answerer


@contextmanager
def ready(builders: ServedBuilders, registry: Registry, version: str | None, serving: Serving) -> Iterator[Answerer]:
    """Fetch, check and load an adapter; its own temperature and threshold are used.

    Args:
        builders: of the base model.
        registry: where adapters are kept.
        version: None for the base model.
        serving: the policy that is live.

    Raises:
        RegistryError: there is no such version, or it is damaged.
        LoraError: it does not fit the base model.
    """
    from trainer.lora.loading import answering_device, load_for_answers

    device = answering_device()
    if version is None:
        yield Answerer.of(None, load_for_answers(builders.folder, None, device=device), builders.of(), serving)
        return
    with tempfile.TemporaryDirectory(prefix="adapter-") as scratch:
        folder = Path(scratch) / "adapter"
        registry.fetch(builders.profile.name, version, folder)
        metadata = registry.find(builders.profile.name, version).metadata
        trust = Trust(metadata.temperature, metadata.threshold)
        model = load_for_answers(builders.folder, folder, device=device)
        yield Answerer.of(version, model, builders.of(), serving, trust)
