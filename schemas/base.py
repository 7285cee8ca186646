"""What all messages share: frozen, tolerant of unknown fields, versioned."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, StringConstraints

#: An identifier that people or systems chose: not empty, bounded, without control characters.
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]

#: ``major.minor``. A reader takes any minor version of its own major version.
Version = Annotated[str, StringConstraints(pattern=r"^\d{1,4}\.\d{1,4}$")]


class Frozen(BaseModel):
    """A part of a message. Unknown fields, which a newer producer may send, are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")


class Message(Frozen):
    """A whole record's value."""

    MAJOR: ClassVar[int] = 1
    schema_version: Version = "1.0"
