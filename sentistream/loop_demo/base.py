"""The model that the demo begins with: one that has never been taught the platform's corpus."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import click

from prompts.profile import PROFILE_FILE, ModelProfile, find_model
from sentistream.errors import SentistreamError
from sentistream.loop_demo.aside import without_development
from sentistream.loop_demo.settings import LoopDemoSettings
from sentistream.shutdown import stop_requests
from sentistream.system import INTERRUPTED
from trainer.errors import CorpusError

#: As a model's profile names what it was taught.
PLATFORM: Final = "emocontext"
_POLL_S: Final = 0.2


def untaught(model: str, settings: LoopDemoSettings) -> str:
    """The model that was asked for; where that one knows the platform already, one that `train-base` makes now.

    A platform whose messages the model was trained on would be no other domain, and nothing could be gained on it. The
    model that is made is kept in LOOP_OUT, and a run that was stopped meanwhile goes on from its checkpoint.

    Args:
        model: a folder, or the name of one that ships.
        settings: with MELD's files, and where results go.

    Returns:
        A folder or a name, as MODEL takes it.

    Raises:
        SentistreamError: training failed.
    """
    profile = ModelProfile.read(find_model(model))
    if PLATFORM not in profile.taxonomies:
        return model
    folder = settings.out.absolute() / "base"
    if not (folder / PROFILE_FILE).is_file():
        click.echo(
            f"{profile.name} has been taught EmoContext. Training one of MELD (and of what TRAIN_BASE_ALSO names) "
            f"to begin with, once: 20 to 45 minutes on one core. It is kept in {folder}; set MODEL to use another one.",
            err=True,
        )
        _train(f"{profile.name}-untaught", folder, settings)
    return str(folder)


def _train(name: str, folder: Path, settings: LoopDemoSettings) -> None:
    """Into a folder of another name first: one that exists is complete."""
    unfinished = folder.with_name("base-unfinished")
    try:
        taught = without_development(settings.meld_train, folder.parent)
    except (OSError, CorpusError) as error:
        raise SentistreamError(f"MELD_TRAIN: {error}") from error
    options = {
        "train-file": taught,
        "dev-file": settings.meld_dev,
        "work-folder": folder.with_name("base-work"),
        "model-folder": unfinished,
        "model-name": name,
    }
    command = [sys.executable, "-m", "sentistream", "train-base"]
    command += [word for key, value in options.items() for word in (f"--{key}", str(value))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)
    with stop_requests(process.kill) as asked:
        while process.poll() is None:
            if asked.wait(_POLL_S):
                process.terminate()
                process.wait()
                click.echo("stopping ...; the next run goes on from the last checkpoint", err=True)
                sys.exit(INTERRUPTED)
    if process.returncode:
        raise SentistreamError(f"`{' '.join(command[2:])}` failed with exit status {process.returncode}; see above")
    unfinished.rename(folder)
