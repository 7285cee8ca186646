"""What can be wrong with a model's folder or with a prompt."""


class PromptError(Exception):
    """Base of this package's errors."""


class ProfileError(PromptError):
    """A model folder that cannot be used: the text says which file and why."""


class TemplateError(PromptError):
    """A template file that cannot be used, or a name that has none."""


class WordNotATokenError(PromptError):
    """A label's word is several tokens of this model, so direct mode cannot choose it by one token."""
