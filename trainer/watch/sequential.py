"""Is the new version corrected more often than the old one? A test that may be looked at after every label.

Verdicts of people come in pairs, one on the new version and one on the old. With D = X_new - X_old in {-1, 0, 1}, X = 1
where a person corrected the model, the null hypothesis is that E[D], given all that was seen before, is at most the
margin m. A gambler who bets a share c of the money on each D and pays m for it has

    K_t(c) = (1 + c (D_1 - m)) ... (1 + c (D_t - m)),    0 <= c < 1 / (1 + m),

after t pairs: a supermartingale under the null, whatever the two rates are and however they move together. So is the
mean of several such gamblers with different c. By Ville's inequality the mean ever reaches 1 / alpha with probability
at most alpha, and that is the error rate however often one looks (Waudby-Smith and Ramdas, "Estimating means of bounded
random variables by betting", JRSS B 86, 2024; at margin 0 it is Wald's sequential test of a double dichotomy).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: The gamblers' c: small ones find small differences late, large ones large differences soon. All are allowed at any
#: margin up to 1, so that the capital falls as the margin rises.
_BETS: Final = np.geomspace(0.01, 0.49, 12)
#: The bisection for the bound stops here.
_PRECISION: Final = 1e-4


@dataclass(frozen=True, slots=True)
class SequentialResult:
    """What the pairs say so far.

    Attributes:
        pairs: how many there are.
        old_rate: share of the old version's verdicts that are corrections; 0 without pairs.
        new_rate: the new version's.
        evidence: the largest capital so far, in units of the stake; the test rejects at 1 / alpha.
        rejected_at: after how many pairs it did; None: it has not.
        at_least: lower bound of new_rate - old_rate that holds at all times at once with probability 1 - alpha.
    """

    pairs: int
    old_rate: float
    new_rate: float
    evidence: float
    rejected_at: int | None
    at_least: float

    @property
    def rejected(self) -> bool:
        """The new version is worse by more than the margin."""
        return self.rejected_at is not None


def log_capital(differences: NDArray[np.float64], margin: float) -> NDArray[np.float64]:
    """Logarithm of the mixed capital after each pair, shape (pairs,).

    Args:
        differences: new minus old, each in {-1, 0, 1}, in the order in which they were seen.
        margin: what is not yet worse, from -1 to 1.
    """
    each = np.log1p(_BETS[:, None] * (differences[None, :] - margin)).cumsum(axis=1)
    highest = each.max(axis=0)
    mixed: NDArray[np.float64] = highest + np.log(np.exp(each - highest).mean(axis=0))
    return mixed


def sequential_test(
    new: Sequence[bool], old: Sequence[bool], *, alpha: float = 0.01, margin: float = 0.0
) -> SequentialResult:
    """Test "new is worse by more than the margin", one-sided, valid at any stopping time.

    Args:
        new: whether each verdict on the new version was a correction, in the order in which they came.
        old: likewise; the n-th stands beside the n-th new one, and what is left over is not used.
        alpha: probability, at most, that a new version that is not worse is ever rejected.
        margin: by how much its rate may be higher.
    """
    pairs = min(len(new), len(old))
    if pairs == 0:
        return SequentialResult(0, 0.0, 0.0, 1.0, None, -1.0)
    x_new, x_old = np.array(new[:pairs], dtype=float), np.array(old[:pairs], dtype=float)
    differences = x_new - x_old
    capital = log_capital(differences, margin)
    over = np.flatnonzero(capital >= -np.log(alpha))
    return SequentialResult(
        pairs=pairs,
        old_rate=float(x_old.mean()),
        new_rate=float(x_new.mean()),
        evidence=float(np.exp(min(max(capital.max(), 0.0), 700.0))),
        rejected_at=int(over[0]) + 1 if len(over) else None,
        at_least=_lower_bound(differences, alpha),
    )


def _lower_bound(differences: NDArray[np.float64], alpha: float) -> float:
    """The largest margin that is rejected, by bisection: the capital falls as the margin rises."""
    low, high = -1.0, float(differences.mean())
    if log_capital(differences, low).max() < -np.log(alpha):
        return low
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if log_capital(differences, middle).max() >= -np.log(alpha):
            low = middle
        else:
            high = middle
    return low
