"""What all models of the API share."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from console.codes import Code

#: More rows than a page can show.
MAX_PAGE: Final = 500


class Reply(BaseModel):
    """Something that the API answers. Newer servers may add fields: ignore those that you do not know."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null")


#: Fill the places of a text; numbers are for the reader's locale to write.
Facts = dict[str, str | int | float]


class Finding(Reply):
    """What a text beside it says, for whoever says it in another language."""

    code: Code
    facts: Facts = Field(default_factory=dict)


class Order(BaseModel):
    """Something that a client sends. An unknown field is refused, for it would be a mistake without a word."""

    model_config = ConfigDict(frozen=True, extra="forbid")


#: Why somebody decided something, for the history.
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$")]

#: Where the next page begins; opaque, and None at the end.
Cursor = Annotated[str | None, Field(description="Give it back as `cursor` for the next page; null at the end.")]

#: A share of a whole, or a probability.
Share = Annotated[float, Field(ge=0, le=1)]
