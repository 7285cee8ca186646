"""Processes that a service which was killed has left behind."""

import os

import psutil


def family(pid: int) -> set[int]:
    """A process's children and theirs, to be asked for while it lives."""
    return {one.pid for one in psutil.Process(pid).children(recursive=True)}


def left_behind(session: int, children: set[int]) -> set[int]:
    """Processes of the session that a service had to itself, and its children wherever they went; no zombies."""
    found = set()
    for one in psutil.process_iter():
        try:
            ours = one.pid in children or os.getsid(one.pid) == session
            if ours and one.status() != psutil.STATUS_ZOMBIE:
                found.add(one.pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found
