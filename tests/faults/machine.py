"""What goes wrong with a machine: its disk is full, its memory is short."""

import errno
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from sentistream.embedded import EmbeddedKafka
from tests.waiting import wait_for

_MIB: Final = 1024 * 1024


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[bool]:
    """A file system of its own, where the machine lets us mount one; says whether it did."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    mounted = sys.platform == "linux" and subprocess.run(["mount", *options], check=False).returncode == 0  # noqa: S607
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


class FullDisk:
    """Takes all that is left of a broker's disk, or of what it may write to any file, until the broker has ended."""

    def __init__(self, kafka: EmbeddedKafka, *, mounted: bool) -> None:
        self._kafka = kafka
        self._mounted = mounted
        self._filler = kafka.folder / "filler"

    def fill(self) -> None:
        """Returns when the broker has given up."""
        if self._mounted:
            self._write_until_full()
        elif self._kafka.pid is not None:
            # Java takes the signal for an error of the write, as it is.
            _, most = resource.prlimit(self._kafka.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._kafka.pid, resource.RLIMIT_FSIZE, (1, most))
        wait_for(lambda: not self._kafka.is_running, "the broker gives up", 120)

    def free(self) -> None:
        """Make room, and start the broker again."""
        self._kafka.kill()
        self._filler.unlink(missing_ok=True)
        self._kafka.start()

    def _write_until_full(self) -> None:
        size = _MIB
        with self._filler.open("wb", buffering=0) as file:
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2


def memory_short(pid: int, spare_mib: int) -> None:
    """From now on the process gets hardly more address space than it has."""
    limit = psutil.Process(pid).memory_info().vms + spare_mib * _MIB
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def memory_back(pid: int) -> None:
    """It may have all again; one that has ended needs nothing."""
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
