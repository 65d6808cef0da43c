"""The shapes of events: what each sender of Lambda makes of an ordinary request. Nothing here is hostile.

A sender is an API Gateway of payload 2.0 (http) or 1.0 (rest), a function URL, or a load balancer with single values of headers
or with many (alb, alb-many). The body is put in by who asks: mixed_requests.py has ordinary ones, hostile_events.py others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

Event = dict[str, Any]
# Who wakes a function up, by an event that is no request.
PING_SOURCES = ("aws.events", "aws.scheduler", "serverless-plugin-warmup")


def many(single: dict[str, Any]) -> dict[str, list[Any]]:
    """Returns headers or parts of a query as a sender writes those with many values: each has a list."""
    return {name: [value] for name, value in single.items()}


def parts_of(query: str) -> dict[str, str]:
    """Returns the parts of a query string as they are written, the last one of each name."""
    return dict(part.partition("=")[::2] for part in query.split("&") if part)


def _http(method: str, path: str, query: str, headers: dict[str, Any]) -> Event:
    http = {"method": method, "path": path, "sourceIp": "192.0.2.1", "userAgent": "curl"}
    context = {"http": http, "requestId": "r", "stage": "$default"}
    route = {"routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers}
    return {"version": "2.0", **route, "requestContext": context}


def _url(method: str, path: str, query: str, headers: dict[str, Any]) -> Event:
    event = _http(method, path, query, headers)
    event["requestContext"] |= {"domainName": "x.lambda-url.eu-west-1.on.aws", "accountId": "anonymous"}
    return {**event, "cookies": ["theme=dark"]}


def _rest(method: str, path: str, query: str, headers: dict[str, Any]) -> Event:
    # API Gateway decodes the query's parts; a load balancer doesn't.
    parts = dict(parse_qsl(query))
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": many(headers),
        "queryStringParameters": parts,
        "multiValueQueryStringParameters": many(parts),
        "pathParameters": {"proxy": path.removeprefix("/")},
        "requestContext": {"stage": "prod", "identity": {"sourceIp": "192.0.2.1"}, "requestId": "r"},
    }


def _alb(method: str, path: str, query: str, headers: dict[str, Any]) -> Event:
    event = {
        "httpMethod": method,
        "path": path,
        "headers": headers,
        "queryStringParameters": parts_of(query),
    }
    return {**event, "requestContext": {"elb": {"targetGroupArn": "arn"}}}


def _alb_many(method: str, path: str, query: str, headers: dict[str, Any]) -> Event:
    event = _alb(method, path, query, headers)
    lists = {"multiValueHeaders": many(event.pop("headers"))}
    lists["multiValueQueryStringParameters"] = many(event.pop("queryStringParameters"))
    return {**event, **lists}


# By name: makes an event of a method, a path, a query string and headers.
SENDERS: dict[str, Callable[[str, str, str, dict[str, Any]], Event]] = {
    "http": _http,
    "url": _url,
    "rest": _rest,
    "alb": _alb,
    "alb-many": _alb_many,
}
