"""The live and the candidate adapter on one base model, so that neither pays for what the other does not."""

from pathlib import Path
from typing import Any, Final, Literal

from peft import PeftConfig, PeftModel

from trainer.gate.errors import GateError
from trainer.lora.loading import answering_device, load_base
from trainer.precision import computed_in

Side = Literal["live", "candidate"]
SIDES: Final[tuple[Side, Side]] = ("live", "candidate")
#: Without this peft keeps adapters in float32.
_AS_SERVED: Final[dict[str, Any]] = {"autocast_adapter_dtype": False}


class Sides:
    """One base model in memory with both adapters, of which one answers at a time."""

    def __init__(self, base: Path, live: Path | None, candidate: Path) -> None:
        """Load all three, in the precision that is served.

        Where the base model itself is live, its side gets an adapter like the candidate's that adds zero: it answers
        as the base does and costs what an adapter costs, so that LoRA's own cost is no reason to refuse the first one.

        Raises:
            GateError: a folder cannot be loaded.
        """
        device = answering_device()
        try:
            model = load_base(base, dtype=computed_in(device), device=device)
            self._peft = PeftModel.from_pretrained(model, candidate, adapter_name="candidate", **_AS_SERVED)
            if live is None:
                config = PeftConfig.from_pretrained(candidate)
                config.inference_mode, config.init_lora_weights = True, True  # which starts B at zero
                self._peft.add_adapter("live", config, **_AS_SERVED)
            else:
                self._peft.load_adapter(live, "live", **_AS_SERVED)
        except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
            raise GateError(
                f"candidate {candidate} or live {live or base} cannot be loaded on {base}: {error}"
            ) from error

    def use(self, side: Side) -> Any:
        """The model, answering with this side's adapter until the next call."""
        self._peft.set_adapter(side)
        self._peft.eval()
        return self._peft.get_base_model()
