"""What anybody can have without a model: always the commonest label, and TF-IDF with logistic regression."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from trainer.evaluation.answered import Answered, Outcome
from trainer.evaluation.figures import Asked, compact, figures
from trainer.evaluation.material import Material

#: Chinese has no spaces between words.
_BY_CHARACTER: Final = frozenset({"zh", "ja"})
_SEED: Final = 0
#: Among so many messages, a word that stands in one of them says nothing.
_MANY: Final = 1000
_COMMONEST: Final = "commonest label"
#: As it comes, which weighted F1 likes; and with as much weight on rare labels as on common ones, for macro-F1.
_TFIDF: Final = {"TF-IDF with logistic regression": None, "the same, balanced": "balanced"}
_KEYS: Final = dict(zip((_COMMONEST, *_TFIDF), ("commonest", "tfidf", "tfidf_balanced"), strict=True))


@dataclass(frozen=True, slots=True)
class Baseline:
    """One baseline's scores.

    Attributes:
        trained_on: messages of the training file; 0 for none.
    """

    name: str
    trained_on: int
    scores: dict[str, Any]


def baselines(material: Material, train: Sequence[tuple[str, str, str]]) -> list[Baseline]:
    """The commonest label (of the training messages, else of what is evaluated), and with training messages TF-IDF.

    Args:
        material: what they are asked.
        train: language, text and label of each message to learn from; may be empty.
    """
    commonest = Counter(label for _, _, label in train or material.labelled).most_common(1)[0][0]
    found = [_baseline(_COMMONEST, len(train), material, [commonest] * len(material.examples))]
    # Words can tell labels apart only where there are two of them.
    teachable = len({label for _, _, label in train}) > 1
    for name, weight in _TFIDF.items() if teachable else ():
        found.append(_baseline(name, len(train), material, _tfidf(train, material, weight)))
    return found


def as_json(found: Sequence[Baseline]) -> dict[str, Any]:
    """By a short name."""
    return {_KEYS[one.name]: {"trained_on": one.trained_on, **one.scores} for one in found}


def _tfidf(train: Sequence[tuple[str, str, str]], material: Material, weight: str | None) -> list[str]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    asked = material.labelled
    by_character = asked[0][0] in _BY_CHARACTER
    kind = {"analyzer": "char", "ngram_range": (1, 3)} if by_character else {"ngram_range": (1, 2)}
    pipeline = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2 if len(train) >= _MANY else 1, **kind),
        LogisticRegression(max_iter=1000, C=4.0, class_weight=weight, random_state=_SEED),
    )
    pipeline.fit([text for _, text, _ in train], [label for _, _, label in train])
    return [str(one) for one in np.asarray(pipeline.predict([text for _, text, _ in asked]))]


def _baseline(name: str, trained_on: int, material: Material, said: Sequence[str]) -> Baseline:
    place = np.array([material.names.index(one) for one in said], dtype=np.int64)
    found = Outcome(name, place, place, np.full(len(said), np.nan), [Answered(one, one) for one in said])
    nobody = Asked(name, "none", "direct", 1, None, 1.0, 0.0)
    return Baseline(name, trained_on, compact(figures(material, found, nobody)))
