"""When the next blow is due: evenly over the records of a run."""

from collections import deque


class Marks:
    """How many records must be done before each of so many blows; true while any is left."""

    def __init__(self, times: int, records: int) -> None:
        self._left = deque(records * (number + 1) // (times + 1) for number in range(times))

    def __bool__(self) -> bool:
        return bool(self._left)

    def due(self, done: int) -> bool:
        """Whether so many records are enough for the next one."""
        return bool(self._left) and done >= self._left[0]

    def strike(self) -> None:
        """The next one is dealt."""
        self._left.popleft()
