"""The targets of `seeklet query`: an artifact's folder, the service at a URL, or a deployed Lambda function.

Each target is a function from a Question to the results, best first. A result has the fields of the service's JSON: id,
index, score, text and metadata; passage where documents are cut into passages; and the parts of the score where a mode
was asked for. `find_target` chooses the kind of target.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from handler.errors import ArtifactError, SeekletError
from seeklet.extras import require
from seeklet.remote import NO_ANSWER, TIMEOUT_SECONDS, HttpService, no_answer, refusal

Result = dict[str, Any]


class Question(NamedTuple):
    """A query, how many results, and how to search; None is what the target does by itself."""

    text: str
    k: int
    mode: str | None = None
    share: float | None = None

    def body(self) -> bytes:
        """Writes the question as the service's JSON."""
        fields = {"text": self.text, "num_results": self.k, "mode": self.mode, "share": self.share}
        if self.mode is not None:
            fields["matches"] = True
        return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


Ask = Callable[[Question], list[Result]]

_URL = re.compile(r"https?://", re.IGNORECASE)
# A name, a name with its alias or version, or an ARN.
_FUNCTION = re.compile(
    r"(arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:)?[\w-]{1,64}(:[\w$-]+)?", re.ASCII
)

# An address whose http:// was left out: "localhost:3000", "127.0.0.1:3000/search".
_ADDRESS = re.compile(r"(localhost|[\w-]+(\.[\w-]+)+):\d+(/.*)?", re.ASCII)


def is_url(target: str) -> bool:
    """Tells whether the target begins as an http address does."""
    return _URL.match(target) is not None


def is_folder(target: str) -> bool:
    """Tells whether the target is an existing folder. A text that is too long for a path is none."""
    return os.path.isdir(target)  # noqa: PTH112 - Path.is_dir raises where a query is longer than a file's name


def find_target(target: str, key: str | None, region: str | None, profile: str | None) -> Ask:
    """Chooses the kind of target: a URL by its beginning, an existing folder, or else a function's name.

    Raises SeekletError where it can be none of them, and ArtifactError where the folder is no artifact.
    """
    if is_url(target):
        return ask_url(target, key)
    if is_folder(target):
        return ask_folder(Path(target))
    if _ADDRESS.fullmatch(target):
        raise ArtifactError(f"{target} has no http:// or https:// before it: write http://{target} for a URL")
    found = _FUNCTION.fullmatch(target)
    if found is None:
        raise ArtifactError(
            f"there is no artifact folder {target}: name one, or a URL, or a deployed function"
        )
    return ask_function(target, found["region"] or region, profile)


def ask_folder(directory: Path) -> Ask:
    """Loads the artifact, and returns a function that searches it; raises ArtifactError where it can't be loaded."""
    from handler.searcher import Searcher

    searcher = Searcher.load(directory)
    return lambda question: [hit.fields() for hit in searcher.search(*question)]


def ask_url(url: str, key: str | None) -> Ask:
    """Returns a function that posts to {url}/similar, with the API key where there is one."""
    service = HttpService(url, key)
    address = service.address("/similar")
    return lambda question: read_results(address, service.post("/similar", question.body()))


def ask_function(name: str, region: str | None, profile: str | None) -> Ask:
    """Returns a function that invokes a deployed function, with the question and AWS's credentials."""
    absent = "" if name.startswith("arn:") else f"there is no folder {name}, and "
    require("aws", f"{absent}asking a deployed function")
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(read_timeout=TIMEOUT_SECONDS)
    try:
        session = botocore.session.Session(profile=profile)
        client = session.create_client("lambda", region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise SeekletError(
            f"{absent}the function {name} can't be asked ({error}): check --region and --profile"
        ) from None

    def ask(question: Question) -> list[Result]:
        try:
            answer = client.invoke(FunctionName=name, Payload=question.body())
            payload: bytes = answer["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            raise SeekletError(
                f"{absent}the function {name} can't be asked ({error}): "
                "check its name, the region and the credentials"
            ) from None
        if "FunctionError" in answer:
            raise SeekletError(f"the function {name} failed ({_lambda_message(payload)}): its log says why")
        return read_results(f"the function {name}", payload)

    return ask


def read_results(where: str, data: bytes) -> list[Result]:
    """Reads the results in an answer of the service; raises SeekletError where it is an error, or no such answer."""
    # The answer to a direct invocation has no status; nearly every error is the caller's.
    if error := refusal(where, data, 422):
        raise error
    try:
        results = [_read_result(result) for result in json.loads(data)["results"]]
        # What JSON can't hold, NaN or infinity, isn't printed as JSON either.
        json.dumps(results, allow_nan=False)
        return results
    except NO_ANSWER:
        raise no_answer(where, data) from None


def _read_result(result: Mapping[str, Any]) -> Result:
    """Reads one result; raises ValueError, TypeError, KeyError or OverflowError where it is none."""
    read: Result = {
        "id": str(result["id"]),
        "index": int(result["index"]),
        "score": float(result["score"]),
        "text": str(result["text"]),
        "metadata": dict(result["metadata"]),
    }
    if passage := result.get("passage"):
        read["passage"] = {name: int(passage[name]) for name in ("start", "end")}
    for part in ("cosine", "keyword"):
        if part in result:
            read[part] = None if result[part] is None else float(result[part])
    if "matches" in result:
        read["matches"] = [
            {"term": str(match["term"]), "start": int(match["start"]), "end": int(match["end"])}
            for match in result["matches"]
        ]
    return read


def _lambda_message(payload: bytes) -> str:
    try:
        return str(json.loads(payload)["errorMessage"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return payload[:200].decode(errors="replace")
