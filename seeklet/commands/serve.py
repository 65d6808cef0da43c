"""`seeklet serve`: runs the HTTP service over an artifact in the foreground, for your own machine."""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import sys
from collections.abc import MutableMapping
from pathlib import Path

from handler.artifact import Artifact
from handler.errors import OptionError
from handler.settings import Settings
from seeklet.arguments import add_artifact, default_artifact, port
from seeklet.extras import require
from seeklet.parser import Parser, new_parser
from seeklet.terminal import printable

SUMMARY = "answers over HTTP from an artifact, in the foreground"

EXAMPLES = """\
examples:
  %(prog)s artifact
  API_KEY=secret MAX_RESULTS=20 %(prog)s artifact --port 8000
  %(prog)s artifact --host 0.0.0.0          for other machines too

then:
  seeklet query "storms in Europe" http://127.0.0.1:3000
  curl -s http://127.0.0.1:3000/similar -H 'content-type: application/json' -d '{"text": "storms in Europe"}'

It reads the function's variables (docs/http.md has all), such as API_KEY, MAX_RESULTS and CORS_ORIGINS. LOG_REQUESTS=on writes a
line for each request. Ctrl-C ends it with status 0.
"""


def build_parser(prog: str = "seeklet serve") -> Parser:
    """Makes the parser of the options."""
    parser = new_parser(
        prog,
        "Serves an artifact over HTTP: a page to search on at /, POST /search, and /docs with every route.",
        EXAMPLES,
    )
    add_artifact(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=3000, metavar="N", help="the port (default: 3000)")
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:
    """Serves until it is interrupted."""
    require("serve", "serve")
    directory = Path(options.artifact or default_artifact(environ.get("ARTIFACT_DIR"))).absolute()
    # The application reads its settings when uvicorn imports it. These would overrule the folder.
    environ["ARTIFACT_DIR"] = str(directory)
    for name in ("ARTIFACT_URI", "INDEX_URI"):
        environ.pop(name, None)
    # Both are read before the socket opens, so that an error in them is one sentence.
    Settings.from_env(environ)
    manifest = Artifact.open(directory).manifest
    import uvicorn

    with _listen(options.host, options.port) as listener:
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{listener.getsockname()[1]}"
        print(
            printable(
                f"serving {directory} ({manifest.count:,} documents) on {address}: open it in a browser, or see every route at {address}/docs"
            ),
            file=sys.stderr,
        )
        # Its access log has the queries of GET /search. LOG_REQUESTS writes lines that have none.
        server = uvicorn.Server(uvicorn.Config("handler.app:app", access_log=False))
        # uvicorn knows SIGINT and SIGTERM. Where a terminal is closed, the requests are waited for too.
        signal.signal(signal.SIGHUP, server.handle_exit)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _listen(host: str, number: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, number), family=family)
    except OSError as error:
        reason = error.strerror or error
        raise OptionError(
            f"{host} port {number} can't be listened on ({reason}): choose another --host or --port"
        ) from None
