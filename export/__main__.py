"""`python -m export`: the older name of the commands `seeklet export`, `verify` and `demo-corpus`.

`python -m export` alone is `seeklet export`: its options follow at once. No other module of this package imports
seeklet.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from handler.errors import OptionError
from seeklet.cli import guard, prepare_process, run

PROG = "python -m export"


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit status."""
    return guard(lambda: _dispatch(arguments))


def _dispatch(arguments: Sequence[str]) -> None:
    if not arguments or arguments[0].startswith("-"):
        run("export", PROG, arguments, os.environ)
    elif arguments[0] in ("verify", "demo-corpus"):
        run(arguments[0], f"{PROG} {arguments[0]}", arguments[1:], os.environ)
    else:
        raise OptionError(f"there is no command {arguments[0]!r}: see {PROG} --help")


if __name__ == "__main__":
    prepare_process()
    sys.exit(main(sys.argv[1:]))
