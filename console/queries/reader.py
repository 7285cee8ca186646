"""Who reads: what every query is narrowed to."""

from dataclasses import dataclass

from console.queries.expressions import Column, Condition


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of the store.

    Attributes:
        name: whose labels are `my_label`.
        tenant: the only one it sees; None sees all.
    """

    name: str
    tenant: str | None

    def sees(self, tenant: str | None) -> bool:
        """Whether something of this tenant may be shown; what belongs to nobody is for those who see all."""
        return self.tenant is None or self.tenant == tenant

    def narrow(self, column: Column, wanted: str | None = None) -> list[Condition]:
        """Conditions on a tenant's column: what the reader sees, of that what it wants."""
        return [column == one for one in (self.tenant, wanted) if one is not None]
