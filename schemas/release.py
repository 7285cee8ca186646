"""``adapter.releases``: which LoRA adapter is live; compacted, keyed by the model's name."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.base import Identifier, Message


class AdapterRelease(Message):
    """One decision about a model's adapter. Adapters are immutable: another content is another version.

    Attributes:
        version: None, or left out, says that the model serves without an adapter.
        uri: the adapter's folder, as a path or any fsspec address.
        sha256: over the folder's files, in hexadecimal.
        metrics: what the gate measured, by name.
    """

    model: Identifier
    version: Identifier | None = None
    status: Literal["released", "rolled_back"]
    uri: str | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    decided_at: AwareDatetime
