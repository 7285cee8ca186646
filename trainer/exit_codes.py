"""What `sentistream trainer run` tells whatever started it, in the way of sysexits.h."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit code means."""

    #: Released; or nothing new, the gate said no, or another version went live: the result's line gives the reason.
    DONE = 0
    #: A fault in the trainer itself: please report it.
    INTERNAL = 1
    #: The data on the topics cannot be trained on.
    DATA = 65
    #: Kafka or Redis does not answer; trying again may help.
    UNAVAILABLE = 69
    #: Training or the comparison with the live adapter failed; the next run goes on from the last checkpoint.
    TRAINING = 70
    #: The registry of adapters, or the folder of the runs, does not take what it is given.
    REGISTRY = 73
    #: Another run works on this model, or this one lost its lock: try again later.
    LOCKED = 75
    #: Settings, recipe or the model's folder do not fit; a restart does not help.
    MISCONFIGURED = 78
    #: Told to stop by SIGTERM or Ctrl-C; the next run goes on from here.
    STOPPED = 143
