"""How a server is told the form of an answer. Servers know different ways, so each kind has several, the best first."""

from collections.abc import Sequence
from typing import Any, Final

from prompts.roles import Prompt
from schemas.taxonomy import Label

#: More is refused by OpenAI, and by vLLM unless ``--max-logprobs`` says otherwise.
MOST_LOGPROBS: Final = 20
_LOGPROBS: Final = {"logprobs": True, "top_logprobs": MOST_LOGPROBS}

#: What is added to a request's body.
Form = dict[str, Any]


def token_forms(ids: Sequence[int]) -> tuple[Form, ...]:
    """One token among these, known by number: a label's text is not unique, its token is."""
    return (
        {
            "max_tokens": 1,
            "allowed_token_ids": list(ids),
            # vLLM 0.32 gives exactly these; a server that does not know the field, those that are among the likeliest.
            "logprobs": min(len(ids), MOST_LOGPROBS),
            "logprob_token_ids": list(ids),
            "return_tokens_as_token_ids": True,
        },
    )


def choice_forms(labels: Sequence[Label]) -> tuple[Form, ...]:
    """One of the labels' words: guided where the server does that, with log-probabilities where it gives them."""
    return ({"structured_outputs": {"choice": [one.word for one in labels]}, **_LOGPROBS}, dict(_LOGPROBS), {})


def writing_forms(prompt: Prompt) -> tuple[Form, ...]:
    """The JSON object that the prompt asks for: by its schema, as any JSON object, as words alone."""
    some_object = {"response_format": {"type": "json_object"}}
    if prompt.form is None:
        return (some_object, {})
    schema = {"name": "answer", "strict": True, "schema": dict(prompt.form)}
    return ({"response_format": {"type": "json_schema", "json_schema": schema}}, some_object, {})
