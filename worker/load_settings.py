"""What the worker does with more than it can answer at once; each field is an environment variable."""

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Aged = Literal["dead-letter", "one-pass"]
AgedWhose = Literal["all", "over-share"]


def tenant_weights(text: str) -> dict[str, float]:
    """``acme=3, globex=0.5`` as numbers by name; ValueError where it is nothing of the kind."""
    weights: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not name.strip() or not 0 < weight < math.inf:
            raise ValueError(
                f"{part!r} is not NAME=WEIGHT with a weight above 0: write tenants as in acme=3,globex=0.5"
            )
        weights[name.strip()] = weight
    return weights


def _checked(text: str) -> str:
    tenant_weights(text)
    return text


class LoadSettings(BaseSettings):
    """Fairness, age and depth (docs/load.md)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    fair_shares: bool = Field(
        default=True, description="Tenants share the places in flight; off, whoever comes first is first."
    )
    tenant_weights: Annotated[str, AfterValidator(_checked)] = Field(
        default="", description="Shares that are not equal, as in acme=3,globex=0.5; a tenant not named has 1."
    )
    max_age_seconds: float | None = Field(
        default=None, gt=0, description="Messages older than this when it is their turn are AGED. Default: none is."
    )
    aged: Aged = Field(
        default="dead-letter", description="What becomes of them: a dead letter (too_old), or an answer by one pass."
    )
    aged_whose: AgedWhose = Field(
        default="all", description="Whose old messages are: all, or only those of tenants over their share of the wait."
    )
    sanm_depth: Literal["fixed", "adaptive"] = Field(
        default="fixed",
        description="fixed: SANM_POLICY. adaptive: paper, then calibrated, then one-pass as the lag grows, and back.",
    )
    depth_calibrated_lag_seconds: float = Field(
        default=10.0, gt=0, description="Lag at which the adaptive depth goes from paper to calibrated."
    )
    depth_one_pass_lag_seconds: float = Field(
        default=60.0, gt=0, description="Lag at which it goes on to one pass; more than the other."
    )
    depth_return_share: float = Field(
        default=0.5, gt=0, lt=1, description="Share of a threshold that the lag must fall below for the step back."
    )
    depth_hold_seconds: float = Field(
        default=10.0, ge=0, description="For how long it must stay below before each step back."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.aged_whose == "over-share" and not self.fair_shares:
            raise ValueError("AGED_WHOSE=over-share tells tenants apart, which FAIR_SHARES=false does not: change one")
        if self.depth_one_pass_lag_seconds <= self.depth_calibrated_lag_seconds:
            raise ValueError(
                f"DEPTH_ONE_PASS_LAG_SECONDS ({self.depth_one_pass_lag_seconds:g}) must be more than "
                f"DEPTH_CALIBRATED_LAG_SECONDS ({self.depth_calibrated_lag_seconds:g})"
            )
        return self
