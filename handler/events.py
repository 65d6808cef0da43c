"""What Lambda's events say, and the shape of each one's response.

Payload 2.0 (HTTP APIs and function URLs), payload 1.0 (REST APIs, and HTTP APIs that ask for it), load balancers,
scheduled pings, and direct invocations. A malformed event of an API is a request that can't be answered, not a crash.
It knows no route and answers nothing: function.py does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from handler.errors import RequestError
from handler.json_types import json_type
from handler.responses import Response

# Who sends a scheduled ping: EventBridge's rules, EventBridge Scheduler, and a plugin of the Serverless Framework.
PING_SOURCES = ("aws.events", "aws.scheduler", "serverless-plugin-warmup")


class Request(NamedTuple):
    """One HTTP request, whichever kind of event brought it.

    method   in capitals, as sent
    path     as routes.py names it: decoded, without a stage or a base path
    headers  names in lower case; several values of one name joined by ", "
    query    the query string, still encoded
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: str = ""
    source_ip: str = ""
    raw_body: object = None
    is_base64: bool = False

    def body(self) -> bytes:
        """The body's bytes; raises RequestError (400) where they are not the base64 or the text that the event says."""
        body = self.raw_body or ""
        if not isinstance(body, str):
            raise RequestError(400, "not_json", f"the event's body is {json_type(body)}, not a string")
        try:
            if not self.is_base64:
                return body.encode()
            import base64

            return base64.b64decode(body, validate=True)
        except ValueError as error:  # binascii.Error and UnicodeEncodeError are ValueErrors
            raise RequestError(
                400, "not_json", f"the event's body can't be decoded ({error}): send JSON in UTF-8"
            ) from None


def is_http(event: object) -> bool:
    """Whether an API Gateway, a function URL or a load balancer sent the event."""
    return isinstance(event, dict) and "requestContext" in event


def is_ping(event: object) -> bool:
    """Whether it is a scheduled event, which only keeps the function warm."""
    if not isinstance(event, dict):
        return False
    scheduled = event.get("detail-type") in (None, "Scheduled Event")
    return scheduled and event.get("source") in PING_SOURCES


def is_direct(event: object) -> bool:
    """Whether it is a query itself, by the AWS SDK's invoke: {"text": ..., "num_results": ...}."""
    return isinstance(event, dict) and "text" in event


def read_request(event: Mapping[str, Any]) -> Request:
    """The request that an HTTP event describes; raises RequestError (400) where it describes none."""
    context = event["requestContext"]
    if not isinstance(context, dict):
        raise _malformed("requestContext", context, "an object")
    headers = _headers(event)
    if _is_version_2(event):
        http = context.get("http")
        if not isinstance(http, dict):
            raise _malformed("requestContext.http", http, "an object")
        method, path = http.get("method"), http.get("path") or event.get("rawPath")
        query, source = event.get("rawQueryString"), http.get("sourceIp")
        cookies = event.get("cookies")
        if isinstance(cookies, list) and cookies:
            headers["cookie"] = "; ".join(cookie for cookie in cookies if isinstance(cookie, str))
    else:
        method, path = event.get("httpMethod"), event.get("path")
        query, identity = _query_1(event), context.get("identity")
        source = identity.get("sourceIp") if isinstance(identity, dict) else None
    if not isinstance(method, str):
        raise _malformed("method", method, "a string")
    if not isinstance(path, str):
        raise _malformed("path", path, "a string")
    path = _route_path(event, context, _decoded(path))
    _refuse_half_characters(method, path)
    return Request(
        method=method,
        path=path,
        headers=headers,
        query=query if isinstance(query, str) else "",
        source_ip=source if isinstance(source, str) else "",
        raw_body=event.get("body"),
        is_base64=event.get("isBase64Encoded") is True,
    )


def write_response(event: Mapping[str, Any], response: Response) -> dict[str, Any]:
    """A response in the form that the sender of an HTTP event reads."""
    headers = {"content-length": str(len(response.body)), **response.headers}
    text = {"body": response.body.decode(), "isBase64Encoded": False}
    context = event.get("requestContext")
    if isinstance(context, dict) and "elb" in context:
        # A load balancer reads one of the two, the one that it sends.
        if "multiValueHeaders" in event:
            many = {name: [value] for name, value in headers.items()}
            return {"statusCode": response.status, "multiValueHeaders": many, **text}
        return {"statusCode": response.status, "headers": headers, **text}
    written = {"statusCode": response.status, "headers": headers, **text}
    if not _is_version_2(event):
        written["multiValueHeaders"] = {}
    return written


def _is_version_2(event: Mapping[str, Any]) -> bool:
    return event.get("version") == "2.0"


def _malformed(name: str, value: object, expected: str) -> RequestError:
    return RequestError(400, "bad_event", f"the event's {name} is {json_type(value)}, not {expected}")


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Payload 2.0 has names in lower case. Payload 1.0 has them as sent, and every value in multiValueHeaders."""
    single = event.get("headers")
    headers = {}
    if isinstance(single, dict):
        headers = {name.lower(): value for name, value in single.items() if isinstance(value, str)}
    many = None if _is_version_2(event) else event.get("multiValueHeaders")
    if isinstance(many, dict):
        for name, values in many.items():
            if isinstance(values, list) and all(isinstance(value, str) for value in values):
                headers[name.lower()] = ", ".join(values)
    return headers


def _refuse_half_characters(method: str, path: str) -> None:
    """Raises RequestError (400) where a message that names them could not be sent."""
    try:
        f"{method} {path}".encode()
    except UnicodeEncodeError:
        raise RequestError(
            400, "bad_event", "the method or the path holds half of a surrogate pair, so it is not Unicode"
        ) from None


def _decoded(path: str) -> str:
    """A path without percent signs."""
    if "%" not in path:
        return path or "/"
    from urllib.parse import unquote

    return unquote(path)


def _route_path(event: Mapping[str, Any], context: Mapping[str, Any], path: str) -> str:
    """The path without what the event names as a stage or a base path: /prod/similar -> /similar.

    Payload 2.0 puts the stage before the path. Payload 1.0 puts a custom domain's base path there, and names the
    API's own part as `resource`, where pathParameters stand for the braces: /{proxy+} with proxy = similar.
    """
    resource, parameters = event.get("resource"), event.get("pathParameters")
    if isinstance(resource, str) and resource.startswith("/"):
        own = resource
        for name, value in (parameters if isinstance(parameters, dict) else {}).items():
            own = own.replace("{" + name + "+}", str(value)).replace("{" + name + "}", str(value))
        return own if path.endswith(own) else path
    stage = context.get("stage")
    if isinstance(stage, str) and stage not in ("", "$default") and f"{path}/".startswith(f"/{stage}/"):
        return path[len(stage) + 1 :] or "/"
    return path


def _query_1(event: Mapping[str, Any]) -> str:
    """Payload 1.0 has the query's parts decoded, in one of two tables."""
    table = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters")
    if not isinstance(table, dict) or not table:
        return ""
    from urllib.parse import urlencode

    return urlencode(table, doseq=True, errors="replace")
