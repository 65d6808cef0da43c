"""`make smoke`: checks that a deployed stack answers. It reads `sam list stack-outputs --output json` on standard input.

It sends API_KEY, if it is set, as x-api-key. It can't ask with Access=iam or jwt, which need a signature or a token.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request

from seeklet.terminal import printable

ATTEMPTS = 5
BODY = {"text": "europe climate change storm", "num_results": 3}


def main() -> int:
    """Asks one query; returns 0, or 1 where no good answer came."""
    try:
        outputs = {output["OutputKey"]: output["OutputValue"] for output in json.load(sys.stdin)}
    except ValueError:
        # What is wrong, SAM has said.
        print(
            "error: SAM tells no outputs of the stack: make smoke [CONFIG=prod] [STACK=name]", file=sys.stderr
        )
        return 1
    url = outputs["Url"].rstrip("/") + "/similar"
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(2**attempt)
        problem = ask(url)
        if not problem:
            print(f"{url} answers")
            return 0
    print(f"error: {url}: {printable(problem)}", file=sys.stderr)
    return 1


def ask(url: str) -> str:
    """Asks the query; returns what is wrong with the answer, or "" where nothing is."""
    headers = {"content-type": "application/json"}
    if key := os.environ.get("API_KEY"):
        headers["x-api-key"] = key
    request = urllib.request.Request(url, json.dumps(BODY).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            results = json.loads(response.read())["results"]
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.read()[:300].decode(errors='replace')}"
    except (OSError, ValueError, KeyError) as error:
        return f"no answer ({error!r})"
    scores = [result["score"] for result in results]
    return "" if scores and scores == sorted(scores, reverse=True) else f"not a ranking: {scores}"


if __name__ == "__main__":
    sys.exit(main())
