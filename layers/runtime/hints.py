"""Stands in for a module whose names only stand in annotations: each is the same class, which takes any parameters."""


class Hint:
    """Any of the names."""

    def __class_getitem__(cls, _parameters: object) -> type:
        return cls


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return Hint
