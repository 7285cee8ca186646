"""What makes a decision of the gate impossible; a refusal is no error."""

from trainer.errors import TrainerError
from trainer.exit_codes import ExitCode


class GateError(TrainerError):
    """The gate cannot decide: the data leak, or an adapter cannot be loaded."""

    exit_code = ExitCode.TRAINING
