"""The parser of a command line: its errors are sentences, and options may stand between the other arguments."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, NoReturn

from handler.errors import OptionError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

STATUSES = """\
exit status:
  0 done, 2 failed for a cause that you can mend (one sentence says how), 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises OptionError where argparse would print its usage and exit.

    Attributes:
        surplus: what to do where more arguments are given than the command takes; "" where that isn't known.
    """

    surplus = ""
    _given: Sequence[str] = ()

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Reads a command line, in which options may stand between the other arguments. Raises OptionError."""
        self._given = arguments
        # Where argparse reads the options first, and then the rest, Python 3.11 forgets a "--" before the rest.
        read = self.parse_known_args if "--" in arguments else self.parse_known_intermixed_args
        options, surplus = read(arguments)
        if surplus:
            self.error(f"unrecognized arguments: {' '.join(surplus)}{self._remedy(surplus)}")
        return options

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Writes the help. argparse hides a broken pipe where the text is longer than the output's buffer."""
        out = sys.stdout if file is None else file
        if out is not None:
            out.write(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Raises OptionError with argparse's message, or the option that there isn't, and the command that explains."""
        # A message about one argument names it; any other may come of an option with another name.
        wrong = None if message.startswith("argument ") else self._unknown_option()
        if wrong is not None:
            raise OptionError(
                f"there is no option {wrong}: {see_help(wrong, self._option_string_actions, self.prog)}"
            )
        raise OptionError(f"{message}: see {self.prog} --help")

    def _unknown_option(self) -> str | None:
        for argument in takewhile(lambda argument: argument != "--", self._given):
            name = argument.partition("=")[0]
            # For argparse too, what has a space is no option.
            if name.startswith("--") and " " not in argument and name not in self._option_string_actions:
                return name
        return None

    def _remedy(self, surplus: Sequence[str]) -> str:
        remedy = self.surplus
        # A shell makes several arguments of a pattern. Path.exists raises where one is longer than a file's name.
        if "--corpus" in self._option_string_actions and all(map(os.path.exists, surplus)):
            remedy = "put a pattern into quotes, as in --corpus 'parts/*.csv'"
        return f": {remedy}" if remedy and not any(name.startswith("-") for name in surplus) else ""


def new_parser(prog: str, description: str, epilog: str) -> Parser:
    """Makes a command's parser. `epilog` names the command as %(prog)s; the exit statuses are added to it."""
    return Parser(
        prog=prog,
        description=description,
        epilog=f"{epilog}\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def see_help(wrong: str, known: Iterable[str], prog: str) -> str:
    """Names the help, and before it the known name that is most like the wrong one."""
    near = difflib.get_close_matches(wrong, known, 1)
    meant = f"did you mean {near[0]}? See" if near else "see"
    return f"{meant} {prog} --help"
