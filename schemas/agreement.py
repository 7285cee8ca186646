"""Several people's labels of one message: what most of them say, and how far they agree at all."""

from collections import Counter
from collections.abc import Iterable, Sequence


def majority(labels: Sequence[str]) -> str | None:
    """The label that more people gave than any other; None where two are level, or nobody gave one."""
    ranked = Counter(labels).most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def krippendorff_alpha(units: Iterable[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for nominal data, with any number of annotators and missing values.

    alpha = 1 - D_o / D_e over the pairable values (Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011):
    a unit with m values counts its m (m - 1) ordered pairs with the weight 1 / (m - 1).

    Args:
        units: the labels of each message, those that are missing left out.

    Returns:
        1 for perfect agreement, 0 for agreement by chance, less than 0 for less than that; None where no unit has two
        values, or all values are the same, so that there is nothing that annotators could have disagreed on.
    """
    pairable = [Counter(unit) for unit in units if len(unit) > 1]
    totals = Counter[str]()
    for unit in pairable:
        totals.update(unit)
    count = totals.total()
    expected = count**2 - sum(one**2 for one in totals.values())
    if expected == 0:
        return None
    observed = 0.0
    for unit in pairable:
        size = unit.total()
        observed += (size**2 - sum(one**2 for one in unit.values())) / (size - 1)
    return 1 - (count - 1) * observed / expected
