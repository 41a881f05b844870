"""Why there can be no made-up past."""


class CannotBeMade(ValueError):
    """The sentence is for the person who asked for it."""
