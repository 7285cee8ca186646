"""From the weights that training began with to those that it ended with, and what on the way is written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peft import PeftModel
from torch import Tensor

from schemas.interpolation import ShareChoice
from trainer.lora.loading import interpolated, put_state
from trainer.lora.recipe import Recipe
from trainer.lora.shares import Limits, Yardsticks, choose_share

_LIVE: Final = "live"
_TRAINED: Final = "default"


@dataclass(frozen=True, slots=True)
class Way:
    """Of one training.

    Attributes:
        model: that was trained; asked with the weights of each share.
        begun: weights at the beginning.
        ended: and at the end.
        fresh: it began with a fresh adapter, which is the base model alone.
        live: the live adapter's folder; None where the base model is live.
    """

    model: PeftModel
    begun: dict[str, Tensor]
    ended: dict[str, Tensor]
    fresh: bool
    live: Path | None

    def at(self, share: float) -> dict[str, Tensor]:
        """Weights at a share of the way."""
        return interpolated(self.begun, self.ended, share, fresh=self.fresh)

    def chosen(
        self, recipe: Recipe, sticks: Yardsticks, calibration_error: float, halt: Callable[[], None]
    ) -> tuple[dict[str, Tensor], ShareChoice | None]:
        """The weights to write, and how their share was chosen; None where the recipe names but one.

        Args:
            recipe: names the shares.
            sticks: what they are measured on.
            calibration_error: that the share is to stay under.
            halt: called before each is measured; raises what ends the run.
        """
        if len(recipe.shares) == 1:
            return self.at(recipe.shares[0]), None

        def model_at(share: float | None) -> PeftModel:
            halt()
            return self._live() if share is None else self._with(self.at(share))

        limits = Limits(recipe.interpolation_loss, calibration_error)
        choice = choose_share(recipe.shares, sticks, limits, model_at)
        return self.at(choice.share), choice

    def _with(self, state: dict[str, Tensor]) -> PeftModel:
        self.model.set_adapter(_TRAINED)
        put_state(self.model, state)
        return self.model

    def _live(self) -> PeftModel:
        if self.live is None or not self.fresh:
            return self._with(self.begun)
        # Training did not begin with it, and it may have another shape: it stands beside what was trained.
        self.model.load_adapter(str(self.live), _LIVE)
        self.model.set_adapter(_LIVE)
        return self.model
