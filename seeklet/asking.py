"""Asks each kind of target that `seeklet query` has, which targets.py finds.

Each target is a function from a Question to the results, best first. A result has the fields of the service's JSON: id,
index, score, text and metadata; passage where documents are cut into passages; and the parts of the score where a mode
was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.errors import SeekletError
from seeklet.extras import require
from seeklet.http_service import NO_ANSWER, TIMEOUT_SECONDS, HttpService, no_answer, refusal
from seeklet.targets import Ask, Question, Result


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
