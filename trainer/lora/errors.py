"""What can go wrong before an adapter is trained or loaded."""

from trainer.errors import TrainerError
from trainer.exit_codes import ExitCode


class RecipeError(TrainerError):
    """A recipe that does not exist, does not parse, or does not fit the model."""

    exit_code = ExitCode.MISCONFIGURED


class QuantizationError(TrainerError):
    """4-bit weights were asked for where they cannot be had."""

    exit_code = ExitCode.MISCONFIGURED


class UnfitModelError(TrainerError):
    """A model that cannot be trained or asked here."""

    exit_code = ExitCode.MISCONFIGURED


class TrackerError(TrainerError):
    """Metrics shall go to something that is not installed."""

    exit_code = ExitCode.MISCONFIGURED


class NothingToTrainOnError(TrainerError):
    """No example is left."""

    exit_code = ExitCode.DATA
