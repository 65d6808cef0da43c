"""The CDK app: one stack. `cdk deploy -c access=iam` runs it, and so does `make cdk-synth PARAMETERS="access=iam"`.

Context has the parameters, by their names in snake_case, and two more: `stack`, the stack's name, and `build`, the
folder that `make build` made. Arguments are context too: access=iam.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import App

from seeklet_cdk.context import from_context
from seeklet_cdk.stack import SeekletStack

BUILT = Path(__file__).resolve().parents[2] / ".aws-sam" / "build"


def main(arguments: Sequence[str] | None = None) -> int:
    """Synthesises; returns 0, or 2 where a parameter is refused."""
    parser = argparse.ArgumentParser(description="Synthesises the stack for `cdk deploy --app DIR`.")
    parser.add_argument("context", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--out", metavar="DIR", help="where to; by default where the CDK CLI expects it")
    options = parser.parse_args(arguments)
    if wrong := [pair for pair in options.context if "=" not in pair]:
        parser.error(f"{wrong[0]!r} is not NAME=VALUE")
    app = App(outdir=options.out)
    context = {**app.node.get_all_context(), **dict(pair.split("=", 1) for pair in options.context)}
    name, build = context.pop("stack", "seeklet-dev"), context.pop("build", BUILT)
    try:
        SeekletStack(app, name, from_context(context), build=build)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
