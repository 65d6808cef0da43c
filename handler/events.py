"""The kinds of events that Lambda passes on: what each says, and the shape of its response.

The kinds: payload 2.0 (HTTP APIs and function URLs), payload 1.0 (REST APIs, and HTTP APIs that ask for it), load
balancers, scheduled pings, and direct invocations. A malformed HTTP event raises RequestError, so that it is answered.
This module knows no route and answers nothing: function.py does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from handler.clock import Clock
from handler.errors import RequestError
from handler.event_paths import route_path
from handler.json_types import is_unicode, json_type
from handler.light_typing import Any
from handler.named import NamedTuple
from handler.responses import BODILESS, Response

# The senders of scheduled pings: EventBridge's rules, EventBridge Scheduler, and a plugin of the Serverless Framework.
PING_SOURCES = ("aws.events", "aws.scheduler", "serverless-plugin-warmup")


class Request(NamedTuple):
    """One HTTP request, from any kind of HTTP event.

    method   in capitals, as sent
    path     as routes.py names it: decoded, without a stage or a base path
    headers  names in lower case; several values of one name joined by ", "
    query    the query string, still encoded
    raw_body   the event's `body`, which is text or base64, unless the event is malformed; or bytes
    event_id   the sender's own id of the request, "" where it gives none
    invocation Lambda's id of the event, where something is told of requests
    parameters the values of the path's parameters, which router.py fills in
    clock      what the stages of the answer are timed with, which router.py fills in; given where the request is
               within another one
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: str = ""
    source_ip: str = ""
    raw_body: object = None
    is_base64: bool = False
    event_id: str = ""
    invocation: str = ""
    parameters: Mapping[str, str] = MappingProxyType({})
    clock: Clock | None = None

    def body(self) -> bytes:
        """Returns the body's bytes; raises RequestError (400) where it is neither text nor the base64 that it should be."""
        body = self.raw_body or ""
        if isinstance(body, bytes):
            return body
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
    """Tells whether an API Gateway, a function URL or a load balancer sent the event."""
    return isinstance(event, dict) and "requestContext" in event


def is_ping(event: object) -> bool:
    """Tells whether it is a scheduled event, which only keeps the function warm."""
    if not isinstance(event, dict):
        return False
    scheduled = event.get("detail-type") in (None, "Scheduled Event")
    return scheduled and event.get("source") in PING_SOURCES


def direct_path(event: object) -> str | None:
    """Returns the path whose request the event itself is, sent by the AWS SDK's invoke; None where it is none.

    {"text": ..., "num_results": ...} is POST /similar's, {"query": ...} with its other fields POST /search's.
    """
    if not isinstance(event, dict):
        return None
    if "text" in event:
        return "/similar"
    return "/search" if any(name in event for name in ("query", "queries", "like")) else None


def read_request(event: Mapping[str, Any], invocation: str = "") -> Request:
    """Reads the request that an HTTP event describes; raises RequestError (400) where it describes none.

    `invocation` is Lambda's id of the event, where something is told of requests.
    """
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
        query, identity = _query_of_version_1(event, context), context.get("identity")
        source = identity.get("sourceIp") if isinstance(identity, dict) else None
        if "elb" in context:
            # A load balancer has no field for it, and adds it to what the caller may have sent.
            source = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if not isinstance(method, str):
        raise _malformed("method", method, "a string")
    if not isinstance(path, str):
        raise _malformed("path", path, "a string")
    path = route_path(event, context, path or "/")
    _refuse_surrogates("method", method)
    _refuse_surrogates("path", path)
    return Request(
        method=method,
        path=path,
        headers=headers,
        query=query if isinstance(query, str) else "",
        source_ip=source if isinstance(source, str) else "",
        raw_body=event.get("body"),
        is_base64=event.get("isBase64Encoded") is True,
        event_id=_event_id(context, headers),
        invocation=invocation,
    )


def write_response(event: Mapping[str, Any], response: Response) -> dict[str, Any]:
    """Returns a response in the form that the sender of an HTTP event reads."""
    headers = dict(response.headers)
    if response.status not in BODILESS:
        headers = {"content-length": str(len(response.body)), **headers}
    text = {"body": response.body.decode(), "isBase64Encoded": False}
    context = event.get("requestContext")
    if isinstance(context, dict) and "elb" in context:
        # A load balancer reads the same one of `headers` and `multiValueHeaders` as it sends.
        if "multiValueHeaders" in event:
            many = {name: [value] for name, value in headers.items()}
            return {"statusCode": response.status, "multiValueHeaders": many, **text}
        return {"statusCode": response.status, "headers": headers, **text}
    written = {"statusCode": response.status, "headers": headers, **text}
    if not _is_version_2(event):
        written["multiValueHeaders"] = {}
    return written


def _event_id(context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Returns the request's id of API Gateway or a function URL, or a load balancer's trace id."""
    given = context.get("requestId") or headers.get("x-amzn-trace-id")
    return given if isinstance(given, str) else ""


def _is_version_2(event: Mapping[str, Any]) -> bool:
    return event.get("version") == "2.0"


def _malformed(name: str, value: object, expected: str) -> RequestError:
    return RequestError(400, "bad_event", f"the event's {name} is {json_type(value)}, not {expected}")


def _refuse_surrogates(name: str, text: str) -> None:
    """Raises RequestError (400) where a text is not Unicode: an answer that repeats it couldn't be written."""
    if not is_unicode(text):
        raise RequestError(
            400, "bad_event", f"the {name} holds half of a surrogate pair, so it is not Unicode"
        )


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Returns the headers by their names in lower case.

    Payload 2.0 has names in lower case. Payload 1.0 has them as the caller sent them, and every value of a name only
    in multiValueHeaders.
    """
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


def _query_of_version_1(event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Writes the query string of an event that has its parts in one of two tables: encoded by a load balancer, decoded else."""
    table = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters")
    if not isinstance(table, dict) or not table:
        return ""
    pairs = []
    for name, values in table.items():
        pairs += [(name, value) for value in (values if isinstance(values, list) else [values])]
    # No gateway sends another type, and a deep one can't be written.
    pairs = [pair for pair in pairs if isinstance(pair[1], str)]
    if "elb" in context:
        return "&".join(f"{name}={value}" for name, value in pairs)
    from urllib.parse import urlencode

    return urlencode(pairs, errors="replace")
