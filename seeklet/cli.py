"""The command `seeklet`: runs the command that was named, and reports an error in one sentence.

Each module of seeklet/commands has SUMMARY, `build_parser(prog)` and `run(options, environ)`. This module handles what
all of them share: errors, interrupts, broken pipes and the exit status. `python -m export` uses it too.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable, MutableMapping, Sequence
from typing import NoReturn, Protocol

from handler import __version__
from handler.errors import OptionError, SeekletError
from seeklet.commands import demo_corpus, evaluate, export, info, publish, query, release, serve, verify
from seeklet.parser import Parser, see_help
from seeklet.terminal import printable

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
UNUSABLE = (
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EBUSY,
    errno.EIO,
    errno.EFBIG,
)
INTERRUPTED = 130  # a shell's status for SIGINT
BROKEN_PIPE = 141  # a shell's status for SIGPIPE


class Command(Protocol):
    """A module of seeklet/commands."""

    SUMMARY: str

    def build_parser(self, prog: str) -> Parser:
        """Makes the parser of the command's options."""

    def run(self, options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:
        """Does the command's work; raises SeekletError where a user can mend the cause of a failure."""


COMMANDS: dict[str, Command] = {
    "export": export,
    "verify": verify,
    "query": query,
    "serve": serve,
    "info": info,
    "release": release,
    "evaluate": evaluate,
    "publish": publish,
    "demo-corpus": demo_corpus,
}

DESCRIPTION = """\
Search over short texts by meaning and by words, from one folder: `export` makes the folder from a
corpus and a sentence-transformer, and `query` searches it.
"""


def main(arguments: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Runs one command line; returns the exit status."""
    return guard(lambda: _dispatch(arguments, environ))


def entry() -> NoReturn:
    """Runs the script `seeklet`."""
    prepare_process()
    sys.exit(main(sys.argv[1:], os.environ))


def prepare_process() -> None:
    """Prepares the process: SIGTERM and SIGHUP end it as Ctrl-C does, and any path can be printed."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    # Python has None for a stream that was closed by then (`>&-`).
    if sys.stdout is None or sys.stderr is None:
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for as long as the process
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def build_parser() -> Parser:
    """Makes the parser of `seeklet --help` and `--version`. Each command has a parser of its own."""
    commands = "\n".join(f"  {name:13}{command.SUMMARY}" for name, command in COMMANDS.items())
    parser = Parser(
        prog="seeklet",
        usage="seeklet COMMAND ...",
        description=DESCRIPTION,
        epilog=f"commands:\n{commands}\n\n`seeklet COMMAND --help` explains the options, with examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"seeklet {__version__}", help="show the version and exit"
    )
    return parser


def run(name: str, prog: str, arguments: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Runs the command `name`, which the user knows as `prog`."""
    command = COMMANDS[name]
    command.run(command.build_parser(prog).read(arguments), environ)


def guard(command: Callable[[], None]) -> int:
    """Runs a command; returns 0, or prints one sentence and returns the exit status that says what failed."""
    try:
        return _guard(command)
    except BrokenPipeError:
        return _end_quietly()


def _guard(command: Callable[[], None]) -> int:
    try:
        try:
            command()
        finally:
            # Flushed here, where a broken pipe can be caught, also when --help ends by SystemExit.
            sys.stdout.flush()
    except SeekletError as error:
        return _fail(str(error))
    except KeyboardInterrupt as error:
        return _end_interrupted(error)
    except ImportError as error:
        # A compiled module that is interrupted while it is imported raises this in place of the interrupt.
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        return _end_interrupted(error.__cause__)
    except BrokenPipeError:
        raise
    except RecursionError:
        return _fail("a value is nested too deeply to be read or printed: flatten it in the corpus")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in NO_SPACE:
            return _fail(
                f"the disk is full{where}: free some space, then run the same command again: it continues"
            )
        if error.errno in NOT_ALLOWED:
            return _fail(
                f"{error.filename} can't be written ({error.strerror}): choose another --out, or mend its permissions"
            )
        if error.errno in UNUSABLE:
            return _fail(f"{error.strerror}{where}: choose another --out")
        raise
    return 0


def _dispatch(arguments: Sequence[str], environ: MutableMapping[str, str]) -> None:
    if not arguments:
        build_parser().print_help()
    elif arguments[0].startswith("-"):
        build_parser().read(arguments)
    elif arguments[0] in COMMANDS:
        run(arguments[0], f"seeklet {arguments[0]}", arguments[1:], environ)
    else:
        raise OptionError(
            f"there is no command {arguments[0]!r}: {see_help(arguments[0], COMMANDS, 'seeklet')}"
        )


def _fail(message: str) -> int:
    print(f"error: {printable(message)}", file=sys.stderr)
    return 2


def _end_interrupted(error: KeyboardInterrupt) -> int:
    print(f"\ninterrupted{''.join(f': {note}' for note in error.args)}", file=sys.stderr)
    return INTERRUPTED


def _end_quietly() -> int:
    # Python flushes both again when it ends, and would print an error.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return BROKEN_PIPE
