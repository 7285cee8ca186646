"""Who asks, and what is said when the answer is no."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from console.api.models.base import Facts, Order, Reply
from console.codes import PortCode, ProblemCode

#: A viewer reads. A reviewer also labels. An operator also replays dead letters and releases adapters.
Role = Literal["viewer", "reviewer", "operator"]


class Me(Reply):
    """The token that asks.

    Attributes:
        name: stands as `labelled_by` at its labels.
        tenant: the only one that it sees; null sees all.
        may_label: it may write labels.
        may_replay: it may send dead letters back.
        may_release: it may release adapters and roll them back.
        expires_at: null does not expire.
        server_time: so that a page can tell how old things are where its clock is wrong.
    """

    name: str
    role: Role
    tenant: str | None
    may_label: bool
    may_replay: bool
    may_release: bool
    expires_at: datetime | None
    server_time: datetime


class SignIn(Order):
    """A token, exchanged for a session cookie."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ProblemField(Reply):
    """One part of a request that is not as it must be."""

    place: str
    text: str


class Problem(Reply):
    """What went wrong, by RFC 9457; `detail` says what to do.

    Attributes:
        type: a name that programs can tell problems apart by, such as `/problems/rate-limit`.
        code: names `detail` more closely than the type; `facts` fill its places, where it is said in another language.
        errors: where several parts of the request are wrong.
    """

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: ProblemCode | PortCode
    facts: Facts = Field(default_factory=dict)
    instance: str | None = None
    errors: tuple[ProblemField, ...] = ()


class LabelInfo(Reply):
    """One label of a taxonomy."""

    name: str
    word: str
    sentiment: Literal["positive", "neutral", "negative"] | None
    description: str | None


class TaxonomyInfo(Reply):
    """A closed set of labels; events name theirs."""

    name: str
    title: str
    labels: tuple[LabelInfo, ...]


class Taxonomies(Reply):
    """All label sets, and the tenants and languages that the store has events of.

    Attributes:
        in_use: names of the taxonomies that stored events have.
    """

    taxonomies: tuple[TaxonomyInfo, ...]
    in_use: tuple[str, ...]
    tenants: tuple[str, ...]
    languages: tuple[str, ...]
