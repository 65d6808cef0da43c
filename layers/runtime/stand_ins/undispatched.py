"""Stands in for numpy/_core/overrides.py: numpy's functions are called themselves, and never another array library's.

numpy wraps each of its functions, so that arrays of other libraries can take a call over (NEP 18), and compares the signatures
of both at each start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]
ARRAY_FUNCTIONS: set[Function] = set()


def array_function_dispatch(dispatcher: Function | None = None, *_: object, **__: object) -> Decorator:
    """Decorates nothing. Without a dispatcher, numpy asks for what answers the parameter `like`."""
    return _unchanged if dispatcher else _without_like


def array_function_from_dispatcher(implementation: Function, *_: object, **__: object) -> Decorator:
    """Makes a decorator of a dispatcher, which gives the implementation instead."""
    return lambda _: implementation


def set_module(_: str | None) -> Decorator:
    """Decorates nothing: __module__ is for documents and pickles."""
    return _unchanged


def finalize_array_function_like(function: Function) -> Function:
    """Returns the function: the layer has no docstrings to complete."""
    return function


def get_array_function_like_doc(_: Function, docstring: str = "") -> str:
    """Returns the docstring as it is."""
    return docstring


def _unchanged(function: Function) -> Function:
    return function


def _without_like(_: Function) -> Function:
    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError(
            "this layer's numpy makes no arrays of other libraries: `like` must be None"
        )

    return refuse
