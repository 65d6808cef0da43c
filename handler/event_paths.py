"""The path of an HTTP event, as routes.py names it: decoded once, without a stage or a custom domain's base path.

This module knows no route, and nothing else of events: events.py does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from handler.light_typing import Any

_BRACES = re.compile(r"\{([^{}+]+)\+?\}")
# Parameters of one path that are filled in; an API's paths have a few.
_MOST_BRACES = 20


def route_path(event: Mapping[str, Any], context: Mapping[str, Any], path: str) -> str:
    """Takes off the stage or the base path that the event names, and decodes the path: /prod/similar -> /similar.

    Payload 2.0 puts the stage before the path, and both payloads a custom domain's base path. The API's own part is
    named by `resource` (1.0) or `routeKey` (2.0), whose braces are filled from pathParameters: /{proxy+} with
    proxy = similar is /similar. The API's root may be named without its slash: /prod.
    """
    decode = not _sends_decoded(event, context)
    if decode:
        path = _decoded(path)
    named, parameters = event.get("resource") or event.get("routeKey"), event.get("pathParameters")
    if isinstance(named, str) and "/" in named:
        own = named[named.index("/") :]  # without the method of "POST /{proxy+}"
        own = _filled(own, parameters if isinstance(parameters, dict) else {})
        if decode:
            own = _decoded(own)
        if path.endswith(own) or own == "/":
            return own
    stage = context.get("stage")
    if isinstance(stage, str) and stage not in ("", "$default") and f"{path}/".startswith(f"/{stage}/"):
        return path[len(stage) + 1 :] or "/"
    return path


def _sends_decoded(event: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    """Tells whether the sender has decoded the path and its parameters.

    HTTP APIs do, in both payloads. REST APIs, whose events have no version, function URLs and load balancers don't
    (captured events in github.com/hotsock/voker, pull request 8).
    """
    domain = context.get("domainName")
    return event.get("version") in ("1.0", "2.0") and isinstance(domain, str) and ".lambda-url." not in domain


def _decoded(path: str) -> str:
    """Decodes the percent signs of a path."""
    if "%" not in path:
        return path
    from urllib.parse import unquote

    return unquote(path)


def _filled(template: str, parameters: Mapping[str, Any]) -> str:
    """Fills a template's braces in one pass: a value may hold braces too, and would grow with each further one."""

    def value(braces: re.Match[str]) -> str:
        found = parameters.get(braces[1])
        return found if isinstance(found, str) else braces[0]

    return _BRACES.sub(value, template, count=_MOST_BRACES)
