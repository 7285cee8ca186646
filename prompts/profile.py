"""What a model folder says of itself in ``sentistream.json``, next to its weights and its ``tokenizer.json``."""

from importlib.resources import files
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError

from prompts.errors import ProfileError
from schemas.base import Frozen
from schemas.prompt import Part

PROFILE_FILE = "sentistream.json"
TOKENIZER_FILE = "tokenizer.json"
#: The model that ships, and that is used where no other is named.
SHIPPED_MODEL = "sentistream-enzh-37m"


class Trust(Frozen):
    """How far a model's answers in one taxonomy are trusted; fitted on development data.

    Attributes:
        temperature: by which log-probabilities are divided.
        threshold: smallest margin at which policy ``calibrated`` takes a first answer at once.
    """

    temperature: float = Field(gt=0)
    threshold: float = Field(ge=0, le=1)


class ModelProfile(Frozen):
    """How a model is asked, and how far its answers are trusted.

    Attributes:
        template: name of the template family in ``prompts/templates``.
        start: put before a prompt's first turn: a special token's name, or text; may be empty.
        separator: put after each segment, likewise.
        parts: those of I, H, L, E that the model was trained with.
        languages: primary language subtags that it knows.
        taxonomies: the label sets that it was trained for, the first being the usual one.
        token_budget: most tokens of a first prompt, the answer and later rounds not counted.
        context_length: most positions in all.
        history_turns: turns of history that it was trained with.
        temperature: by which log-probabilities are divided; fitted on development data.
        threshold: smallest margin between the two likeliest labels at which policy ``calibrated`` takes the
            generator's first answer at once; fitted on development data.
        trust: the same two for single taxonomies, by name; the two above are for all others.
    """

    name: str
    template: str
    start: str = ""
    separator: str = "\n"
    parts: tuple[Part, ...]
    languages: tuple[str, ...] = Field(min_length=1)
    taxonomies: tuple[str, ...] = Field(min_length=1)
    token_budget: int = Field(ge=16)
    context_length: int = Field(ge=32)
    history_turns: int = Field(ge=0)
    temperature: float = Field(default=1.0, gt=0)
    threshold: float = Field(default=0.5, ge=0, le=1)
    trust: dict[str, Trust] = Field(default_factory=dict)

    def trust_in(self, taxonomy: str) -> Trust:
        """How far its answers in this taxonomy are trusted."""
        return self.trust.get(taxonomy) or Trust(temperature=self.temperature, threshold=self.threshold)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a model folder's profile.

        Raises:
            ProfileError: the file is missing or wrong.
        """
        path = folder / PROFILE_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            msg = f"{path} is missing: a model folder needs it beside its weights (see docs/models.md)"
            raise ProfileError(msg) from None
        except ValidationError as error:
            msg = f"{path}: {error}"
            raise ProfileError(msg) from error


def find_model(name_or_path: str) -> Path:
    """The folder of a model: a path as it is, or the name of one that ships with the product.

    Raises:
        ProfileError: there is no such folder.
    """
    if (path := Path(name_or_path)).is_dir():
        return path.resolve()
    shipped = files("sentistream") / "models" / name_or_path
    if isinstance(shipped, Path) and shipped.is_dir():
        return shipped
    msg = f"no model {name_or_path!r}: neither a folder nor a model that ships with sentistream. Set MODEL."
    raise ProfileError(msg)
