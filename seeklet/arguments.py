"""The parts that the command lines share: kinds of values, and options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import OptionError
from handler.threads import available_cpus
from seeklet.parser import Parser
from seeklet.targets import scheme_of

if TYPE_CHECKING:
    from export.build.gate import Thresholds

# What default_artifact does, for help texts.
DEFAULT_ARTIFACT = "$ARTIFACT_DIR, else ./artifact, else ./build/artifact"

# No count is meant to be larger.
MOST = 10**9


# A name in quotes, which may hold commas and outer spaces, or one without.
_COLUMN_NAME = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^,"][^,]*?))\s*(?:,|\Z)')


def column_names(value: str) -> list[str]:
    """Splits 'a,b' into ["a", "b"], and 'a,"b, c"' into ["a", "b, c"]; a quote within quotes is written twice."""
    names, place = [], 0
    while place < len(value) or value[place - 1 : place] in ("", ","):
        found = _COLUMN_NAME.match(value, place)
        if found is None:
            what = "a quote that doesn't end" if '"' in value[place:] else "an empty name between its commas"
            raise argparse.ArgumentTypeError(f"{value!r} has {what}")
        names.append(found[1].replace('""', '"') if found[1] else found[2])
        place = found.end()
    return names


def column_type(value: str) -> tuple[str, str]:
    """Splits "year=number" into ("year", "number"). A name may have a "=" too."""
    name, separator, kind = value.rpartition("=")
    if not separator or not name or not kind:
        raise argparse.ArgumentTypeError(f"{value!r:.80} is not NAME=TYPE, such as year=number")
    return name.strip(), kind.strip()


def column_types(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Returns the types by name; raises OptionError where a name has two."""
    types: dict[str, str] = {}
    for name, kind in pairs:
        if types.setdefault(name, kind) != kind:
            raise OptionError(f"--column gives {name!r:.80} the types {types[name]} and {kind}: give it one")
    return types


def count(value: str) -> int:
    """Reads a whole number from 1 to MOST."""
    if not _is_number(value, MOST):
        what = (
            f"is larger than {MOST:,}"
            if value.isdecimal() and value.strip("0")
            else "is not a whole number above 0"
        )
        raise argparse.ArgumentTypeError(f"{value!r:.40} {what}")
    return int(value)


def count_or_zero(value: str) -> int:
    """Reads a whole number from 0 to MOST."""
    return 0 if value == "0" else count(value)


def port(value: str) -> int:
    """Reads a TCP port, 1 to 65535."""
    if not _is_number(value, 65535):
        raise argparse.ArgumentTypeError(f"{value!r:.40} is not a port, 1 to 65535")
    return int(value)


def _is_number(value: str, most: int) -> bool:
    """Tells whether it is a whole number from 1 to `most`. Python refuses to read thousands of digits."""
    return value.isascii() and value.isdigit() and len(value) <= len(str(most)) and 1 <= int(value) <= most


def sha256(value: str) -> str:
    """Reads a SHA-256."""
    if not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise argparse.ArgumentTypeError(f"{value!r:.80} is not a SHA-256, which has 64 hex digits")
    return value


def folder(value: str) -> Path:
    """Reads the name of an artifact's folder. Of an address the error shows the beginning alone: it may hold a password."""
    scheme = scheme_of(value)
    if scheme:
        raise argparse.ArgumentTypeError(
            f"{scheme} begins an address: name an artifact's folder on this machine"
        )
    return Path(value)


def new_folder(value: str) -> Path:
    """Reads the name of a folder; an empty one would be the folder in which the command runs."""
    if not value:
        raise argparse.ArgumentTypeError("'' names no folder")
    return Path(value)


def share(value: str) -> float:
    """Reads a number from 0 to 1."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not between 0 and 1")
    return number


def add_corpus(group: argparse._ActionsContainer) -> None:
    """Adds --corpus, --text, --id, --metadata, --column and --format."""
    from export.corpus.formats import FORMATS
    from handler.manifest_fields import COLUMN_TYPES

    group.add_argument(
        "--corpus",
        required=True,
        metavar="FILES",
        help=f"a file ({', '.join(FORMATS)}, also gzipped), a folder or a pattern of such files, or s3://; - is standard input",
    )
    group.add_argument(
        "--text",
        required=True,
        type=column_names,
        metavar="COLUMNS",
        help="the column or columns (a,b) of the text, joined by a space; put a name with a comma into double quotes",
    )
    group.add_argument(
        "--id", metavar="COLUMN", help="the column of unique ids (default: the row's number, from 1)"
    )
    group.add_argument(
        "--metadata",
        type=column_names,
        default=[],
        metavar="COLUMNS",
        help="columns to keep, to return with each answer, and to filter by",
    )
    group.add_argument(
        "--column",
        dest="columns",
        action="append",
        type=column_type,
        default=[],
        metavar="NAME=TYPE",
        help=f"the type by which a metadata column is filtered: {', '.join(COLUMN_TYPES)}, or none for no filters "
        "(default: found in its values); repeat it for each column",
    )
    group.add_argument("--format", choices=FORMATS, help="the file's format, if its name doesn't tell it")


def add_model(group: argparse._ActionsContainer, model_help: str) -> None:
    """Adds --model and --revision."""
    group.add_argument("--model", metavar="MODEL", help=model_help)
    group.add_argument("--revision", metavar="REV", help="the branch, tag or commit of a hub id")


def add_document_model(group: argparse._ActionsContainer, model_help: str) -> None:
    """Adds --document-model and --document-revision."""
    group.add_argument("--document-model", metavar="MODEL", help=model_help)
    group.add_argument(
        "--document-revision", metavar="REV", help="the branch, tag or commit of the document model's hub id"
    )


def add_threads(group: argparse._ActionsContainer) -> None:
    """Adds --threads."""
    group.add_argument(
        "--threads",
        type=count,
        default=available_cpus(),
        metavar="N",
        help="how many texts are embedded at once (default: one on each CPU)",
    )


def add_thresholds(group: argparse._ActionsContainer) -> None:
    """Adds --min-cosine-mean, --min-cosine-least and --min-overlap."""
    from export.build.gate import Thresholds

    default = Thresholds()
    for name, what in (
        ("cosine-mean", "the least mean cosine of int8 and fp32 that is accepted"),
        ("cosine-least", "the least cosine of int8 and fp32 that is accepted"),
        ("overlap", "the least share of fp32's top 10 in int8's that is accepted"),
    ):
        value = getattr(default, name.replace("-", "_"))
        group.add_argument(
            f"--min-{name}", type=share, default=value, metavar="X", help=f"{what} (default: {value})"
        )


def thresholds(options: argparse.Namespace) -> Thresholds:
    """Returns the values of the --min options."""
    from export.build.gate import Thresholds

    return Thresholds(options.min_cosine_mean, options.min_cosine_least, options.min_overlap)


def add_artifact(parser: Parser) -> None:
    """Adds the argument DIR; `default_artifact` finds the folder where it is left out."""
    parser.add_argument(
        "artifact",
        nargs="?",
        type=folder,
        metavar="DIR",
        help=f"the artifact's folder (default: {DEFAULT_ARTIFACT})",
    )


def default_artifact(environ_value: str | None) -> Path:
    """Finds the artifact where none is named; raises OptionError where there is none."""
    if environ_value:
        return Path(environ_value)
    for path in (Path("artifact"), Path("build", "artifact")):
        if path.is_dir():
            return path
    raise OptionError(
        "which artifact? There is no ./artifact and no ./build/artifact: name its folder, or set ARTIFACT_DIR"
    )
