"""What anybody can have without a model: always the commonest label, and TF-IDF with logistic regression."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from trainer.evaluation.answered import Answered, Outcome
from trainer.evaluation.figures import Asked, compact, figures, own_sentiments, sentiments_said
from trainer.evaluation.material import Material

#: Language, text and label.
Labelled = tuple[str, str, str]
#: From training messages and what is asked to what is said.
Learner = Callable[[Sequence[Labelled], Material], list[str]]

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


def baselines(material: Material, train: Sequence[Labelled]) -> list[Baseline]:
    """The commonest label (of the training messages, else of what is evaluated), and with training messages TF-IDF.

    Where every label has a sentiment, the sentiments' figures are those of the same baseline that learnt sentiments.

    Args:
        material: what they are asked.
        train: what they learn from; may be empty.
    """
    found = [_baseline(_COMMONEST, len(train), material, train or material.labelled, _commonest)]
    # Words can tell labels apart only where there are two of them.
    teachable = len({label for _, _, label in train}) > 1
    for name, weight in _TFIDF.items() if teachable else ():
        found.append(_baseline(name, len(train), material, train, partial(_tfidf, weight=weight)))
    return found


def as_json(found: Sequence[Baseline]) -> dict[str, Any]:
    """By a short name."""
    return {_KEYS[one.name]: {"trained_on": one.trained_on, **one.scores} for one in found}


def _commonest(train: Sequence[Labelled], material: Material) -> list[str]:
    return [Counter(label for _, _, label in train).most_common(1)[0][0]] * len(material.examples)


def _tfidf(train: Sequence[Labelled], material: Material, weight: str | None) -> list[str]:
    if len({label for _, _, label in train}) == 1:
        return _commonest(train, material)
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
    try:
        pipeline.fit([text for _, text, _ in train], [label for _, _, label in train])
    except ValueError:  # nothing but signs: no words to learn
        return _commonest(train, material)
    return [str(one) for one in np.asarray(pipeline.predict([text for _, text, _ in asked]))]


def _baseline(name: str, trained_on: int, material: Material, train: Sequence[Labelled], learn: Learner) -> Baseline:
    said = learn(train, material)
    place = np.array([material.names.index(one) for one in said], dtype=np.int64)
    found = Outcome(name, place, place, np.full(len(said), np.nan), [Answered(one, one) for one in said])
    nobody = Asked(name, "none", "direct", 1, None, 1.0, 0.0)
    scores = compact(figures(material, found, nobody))
    if "sentiment_accuracy" in scores:
        own = own_sentiments(material)
        scores |= sentiments_said(
            material, learn([(language, text, own[label]) for language, text, label in train], material)
        )
    return Baseline(name, trained_on, scores)
