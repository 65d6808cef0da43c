"""The command line: `python -m export`, `python -m export verify`, `python -m export demo-corpus`."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from export.arguments import build_parser, demo_parser, thresholds, verify_parser
from export.build.progress import Progress
from handler.errors import CorpusError, OptionError, OutputError, SeekletError

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


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit status."""
    named = bool(arguments) and not arguments[0].startswith("-")
    command, rest = (arguments[0], arguments[1:]) if named else ("build", arguments)
    commands: dict[str, Callable[[Sequence[str]], None]] = {
        "build": _build,
        "verify": _verify,
        "demo-corpus": _demo_corpus,
    }
    try:
        if command not in commands:
            raise OptionError(f"there is no command {command!r}: see python -m export --help")
        commands[command](rest)
    except SeekletError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print("\ninterrupted: the same command goes on from here", file=sys.stderr)
        return 130
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in NO_SPACE:
            return _fail(f"the disk is full{where}: free some space, then the same command goes on from here")
        if error.errno in NOT_ALLOWED:
            return _fail(
                f"{error.filename} can't be written ({error.strerror}): choose another --out, or mend its permissions"
            )
        if error.errno in UNUSABLE:
            return _fail(f"{error.strerror}{where}: choose another --out")
        raise
    return 0


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


def _build(arguments: Sequence[str]) -> None:
    given = build_parser().parse_args(arguments)
    # After the options are read: --help and a wrong option don't wait for the rest.
    from export.build.pipeline import BuildOptions, build
    from export.build.summary import describe

    if given.corpus != "-":
        _check_corpus(Path(given.corpus))
    names = {field.name for field in fields(BuildOptions)} - {"thresholds"}
    options = BuildOptions(
        **{name: getattr(given, name) for name in names},
        thresholds=None if given.no_verify else thresholds(given),
    )
    print(describe(build(options, Progress(given.quiet)), options.out))


def _check_corpus(path: Path) -> None:
    """Told before the model is read; whatever else is wrong with it is told when it is opened."""
    try:
        path.stat()
    except FileNotFoundError:
        raise CorpusError(f"there is no corpus file {path}: check --corpus") from None
    except OSError as error:
        raise CorpusError(f"{path} can't be opened ({error.strerror}): check --corpus") from None


def _verify(arguments: Sequence[str]) -> None:
    given = verify_parser().parse_args(arguments)
    from export.build.verify import verify_artifact

    figures = verify_artifact(given.artifact, given.model, given.revision, given.threads)
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):14}{value}")
    thresholds(given).check(figures)
    print(f"{given.artifact} is whole, and faithful to fp32")


def _demo_corpus(arguments: Sequence[str]) -> None:
    file: Path = demo_parser().parse_args(arguments).file
    from export.corpus.demo import write_demo_corpus

    if file.is_dir():
        raise OutputError(f"{file} is a folder: name a file")
    print(f"{file}: {write_demo_corpus(file):,} operations")


if __name__ == "__main__":
    # A terminal that is closed, or a scheduler's stop, ends as Ctrl-C does.
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    # A path needn't be Unicode.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
