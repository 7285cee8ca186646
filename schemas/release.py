"""``adapter.releases``: which LoRA adapter is live; compacted, keyed by the model's name."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.adapter import Sha256
from schemas.base import Identifier, Message


class AdapterRelease(Message):
    """One decision about a model's adapter. Adapters are immutable: another content is another version.

    Attributes:
        version: None, or left out, says that the model serves without an adapter.
        uri: the adapter's folder, as a path or any fsspec address.
        sha256: over the folder's files, in hexadecimal.
        base_sha256: of the weights that the adapter was made for, in hexadecimal.
        metrics: what the gate measured, by name.
        previous: the version that a rollback goes back to; None for the model without an adapter.
        reason: why it was decided so, in words.
    """

    model: Identifier
    version: Identifier | None = None
    status: Literal["released", "rolled_back"]
    uri: str | None = None
    sha256: Sha256 | None = None
    base_sha256: Sha256 | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    previous: Identifier | None = None
    reason: Annotated[str, StringConstraints(max_length=2000)] | None = None
    decided_at: AwareDatetime
