"""Puts off the import of standard modules that numpy and others import at each start, and hardly ever use.

    import inspect  ->  finds a Later  ->  inspect.signature(...)  ->  imports the real module

`import` takes what sys.modules has. So a name there is enough, until something of the module is asked for.
"""

from __future__ import annotations

import sys
from _thread import RLock
from importlib import import_module
from types import ModuleType

from handler.light_typing import Any

# With what they import in turn, a tenth of a start in which nobody asks for anything of them.
SELDOM_USED = ("ast", "ctypes", "inspect", "pickle", "platform", "textwrap")

# What programs ask every module of sys.modules while they walk through it, which an import would change meanwhile.
_ASKED_OF_ALL = ("__file__", "__cached__", "__warningregistry__")

# While one thread imports a module, another must not begin to: there would be two of it.
_lock = RLock()


class Later(ModuleType):
    """A module's name, until something of the module is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name in _ASKED_OF_ALL:
            raise AttributeError(name)
        with _lock:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
            module = import_module(self.__name__)
        # The next question is answered without this method.
        self.__dict__.update(vars(module))
        return getattr(module, name)


def put_off(names: tuple[str, ...] = SELDOM_USED) -> None:
    """Has each module imported when something of it is asked for. A module that is loaded already stays."""
    for name in names:
        sys.modules.setdefault(name, Later(name))
