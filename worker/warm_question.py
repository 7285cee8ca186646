"""A real question, asked with a new adapter before any message is."""

import math

import structlog

from prompts.errors import PromptError
from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from schemas.chat import Turn
from schemas.errors import UnknownTaxonomyError
from schemas.prompt import PromptParts
from schemas.taxonomy import load_taxonomy
from worker.engines.contract import AdapterRefusedError, Engine, PromptRefusedError

log = structlog.get_logger()

_TURNS = ("you said friday . it is monday .", "i know , i am so sorry .")


class WarmQuestion:
    """The way of a message through prompt, engine and adapter, without its event."""

    def __init__(self, engine: Engine, profile: ModelProfile, roles: RolePrompts) -> None:
        self._engine = engine
        self._roles = roles
        self._parts = _parts(profile)

    async def __call__(self, version: str) -> None:
        """Ask; AdapterRefusedError where the scores are no numbers, EngineUnavailableError where nobody answers."""
        if self._parts is None:
            return
        try:
            prompt = self._roles.ask(self._roles.open(self._parts))
            choice = await self._engine.choose(prompt, self._parts.labels, adapter=version)
        except (PromptError, PromptRefusedError) as error:
            log.warning("warm_question_refused", version=version, reason=str(error))  # not the adapter's fault
            return
        if any(math.isnan(value) for value in choice.logprobs.values()):
            raise AdapterRefusedError(f"with {version} the model's scores are no numbers", "corrupt")


def _parts(profile: ModelProfile) -> PromptParts | None:
    """None where the model's labels are a platform's own, which only its requests carry."""
    try:
        taxonomy = load_taxonomy(profile.taxonomies[0])
    except UnknownTaxonomyError:
        return None
    before, message = (Turn(speaker=name, text=text) for name, text in zip(("ana", "ben"), _TURNS, strict=True))
    return PromptParts(
        template=profile.template,
        language=profile.languages[0],
        parts=profile.parts,
        history=(before,),
        message=message,
        taxonomy=taxonomy.name,
        labels=taxonomy.labels,
    )
