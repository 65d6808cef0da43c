"""template.yaml's doors: who may call, what may be read, and that nobody invokes the function around them."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from cloudformation import FUNCTION, RESOURCES, TEMPLATE, Stack
from http_events import make_event

from handler.errors import SettingsError
from handler.function import Function
from handler.settings import Settings

JWT = {"JwtIssuer": "https://issuer.example/pool", "JwtAudience": "client-1,client-2"}
ACCESS: dict[str, dict[str, str]] = {"none": {}, "iam": {}, "jwt": JWT, "api-key": {"ApiKey": "secret"}}
# What the HTTP API itself asks of a caller; the key of api-key is the function's to check.
AUTHORIZATION = {"none": "NONE", "iam": "AWS_IAM", "jwt": "JWT", "api-key": "NONE"}

# A function URL knows no tokens: the rules refuse that one.
COMBINATIONS = [*itertools.product(ACCESS, ["http-api", "function-url"])]
COMBINATIONS.remove(("jwt", "function-url"))


def stack_of(access: str, endpoint: str, **more: str) -> Stack:
    """A stack with all that this access needs."""
    return Stack(Access=access, Endpoint=endpoint, **ACCESS[access], **more)


def route_for(stack: Stack, method: str, path: str) -> dict[str, Any] | None:
    """The route that an HTTP API takes: the method's own before ANY before $default, none where none matches."""
    routes = {route["RouteKey"]: route for route in stack.typed("AWS::ApiGatewayV2::Route").values()}
    for key in (f"{method} {path}", f"{method} /{{proxy+}}", f"ANY {path}", "ANY /{proxy+}", "$default"):
        if key in routes:
            return dict(routes[key])
    return None


# --- who may call


@pytest.mark.parametrize("access", ACCESS)
def test_the_http_api_asks_every_request_that_invokes_the_function(access: str) -> None:
    stack = stack_of(access, "http-api")
    assert stack.refusals() == []
    assert not stack.typed("AWS::Lambda::Url")
    for method, path in (("POST", "/similar"), ("GET", "/health"), ("GET", "/docs")):
        route = route_for(stack, method, path)
        assert route is not None
        assert route["AuthorizationType"] == AUTHORIZATION[access]
        assert ("AuthorizerId" in route) == (access == "jwt")


@pytest.mark.parametrize(("before", "after"), [*itertools.permutations(ACCESS, 2)])
def test_a_stack_can_change_who_may_call(before: str, after: str) -> None:
    # CloudFormation makes new resources before it deletes old ones, and an API refuses a second route of the same key.
    old, new = (stack_of(access, "http-api").typed("AWS::ApiGatewayV2::Route") for access in (before, after))
    taken = {route["RouteKey"] for route in old.values()}
    assert not {new[name]["RouteKey"] for name in new.keys() - old.keys()} & taken


@pytest.mark.parametrize("access", ACCESS)
def test_a_preflight_is_answered_by_the_http_api_and_invokes_nothing(access: str) -> None:
    stack = stack_of(access, "http-api", CorsOrigins="https://site.example")
    for path in ("/similar", "/health", "/", "/nowhere"):
        # With CORS configured the API answers what no route matches.
        assert route_for(stack, "OPTIONS", path) is None
    cors = stack.resources["HttpApi"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == "https://site.example"
    routed = {route["RouteKey"].split()[0] for route in stack.typed("AWS::ApiGatewayV2::Route").values()}
    assert routed == set(cors["AllowMethods"])


@pytest.mark.parametrize("access", ["none", "iam", "api-key"])
def test_a_function_url_asks_too_and_answers_preflights_itself(access: str) -> None:
    stack = stack_of(access, "function-url", CorsOrigins="https://site.example")
    assert stack.refusals() == []
    assert not any(RESOURCES[name]["Type"].startswith("AWS::ApiGatewayV2::") for name in stack.resources)
    url = stack.resources["FunctionUrl"]
    assert url["AuthType"] == ("AWS_IAM" if access == "iam" else "NONE")
    assert url["Cors"]["AllowOrigins"] == "https://site.example"
    # Lambda takes methods of at most 6 letters here: OPTIONS is its own.
    assert set(url["Cors"]["AllowMethods"]) == {"GET", "POST"}
    everyone = [p for p in stack.typed("AWS::Lambda::Permission").values() if p["Principal"] == "*"]
    assert len(everyone) == (0 if access == "iam" else 2)


@pytest.mark.parametrize(("access", "endpoint"), COMBINATIONS)
def test_a_browser_may_send_what_each_access_needs(access: str, endpoint: str) -> None:
    stack = stack_of(access, endpoint)
    place, key = ("HttpApi", "CorsConfiguration") if endpoint == "http-api" else ("FunctionUrl", "Cors")
    needed = {
        "none": set(),
        "iam": {"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"},
        "jwt": {"authorization"},
        "api-key": {"x-api-key"},
    }[access]
    assert {"content-type", *needed} <= set(stack.resources[place][key]["AllowHeaders"])


@pytest.mark.parametrize("endpoint", ["http-api", "function-url"])
def test_a_browser_may_send_what_the_service_itself_allows(endpoint: str, function: Function) -> None:
    asked = make_event("OPTIONS", "/search", "")
    asks = {"origin": "https://site.example", "access-control-request-method": "POST"}
    asked["headers"] = {**asked["headers"], **asks}
    answer = Function(Settings.from_env({"CORS_ORIGINS": "*"}), function.searcher)(asked)["headers"]
    place, key = ("HttpApi", "CorsConfiguration") if endpoint == "http-api" else ("FunctionUrl", "Cors")
    cors = stack_of("none", endpoint).resources[place][key]
    assert {*answer["access-control-allow-headers"].split(", ")} <= {*cors["AllowHeaders"]}


def test_tokens_are_checked_for_their_issuer_and_audience() -> None:
    authorizer = stack_of("jwt", "http-api").resources["HttpApiAuthorizer"]
    assert authorizer["JwtConfiguration"] == {
        "Issuer": "https://issuer.example/pool",
        "Audience": {"Fn::Split": [",", "client-1,client-2"]},
    }
    for access in ("none", "iam", "api-key"):
        assert "HttpApiAuthorizer" not in stack_of(access, "http-api").resources


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"Access": "jwt", **JWT, "Endpoint": "function-url"}, "Endpoint=http-api"),
        ({"Access": "jwt", "JwtIssuer": JWT["JwtIssuer"]}, "JwtAudience"),
        ({"Access": "jwt", "JwtAudience": JWT["JwtAudience"]}, "JwtIssuer"),
        ({"Access": "api-key"}, "ApiKey"),
    ],
)
def test_an_access_without_its_parameters_makes_no_stack(parameters: dict[str, str], named: str) -> None:
    (refusal,) = Stack(**parameters).refusals()
    assert named in refusal


@pytest.mark.parametrize(
    ("audience", "taken"),
    [
        ("", True),
        ("a", True),
        ("a,b", True),
        (",", False),
        ("a,", False),
        (",a", False),
        ("a,,b", False),
        (" ", False),
    ],
)
def test_no_member_of_the_audience_is_empty(audience: str, taken: bool) -> None:
    parameter = TEMPLATE["Parameters"]["JwtAudience"]
    # A CommaDelimitedList's empty default can't be told from one empty member.
    assert parameter["Type"] == "String"
    assert bool(re.fullmatch(parameter["AllowedPattern"], audience)) == taken


@pytest.mark.parametrize("access", ACCESS)
def test_the_function_gets_a_key_where_it_must_check_one_and_no_empty_one(access: str) -> None:
    # A key that is given and not asked for is left out too.
    stack = Stack(Access=access, **{"ApiKey": "secret", **ACCESS[access]})
    variables = stack.resources["SearchFunction"]["Environment"]["Variables"]
    assert variables.get("API_KEY") == ("secret" if access == "api-key" else None)


def test_both_ways_to_the_variables_hold_the_same_ones() -> None:
    condition, with_key, without = FUNCTION["Environment"]["Variables"]["Fn::If"]
    assert condition == "UseApiKey"
    assert with_key == {**without, "API_KEY": {"Ref": "ApiKey"}, "API_KEYS": {"Ref": "ApiKeys"}}


# --- what may be read


def test_the_role_may_write_its_log_and_nothing_else() -> None:
    assert FUNCTION["Role"] == {"Fn::GetAtt": "SearchRole.Arn"}
    (policy,) = Stack().resources["SearchRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"]["Fn::Sub"].endswith("log-group:${LogGroup}:*")
    roles = {name for name, resource in RESOURCES.items() if resource["Type"].startswith("AWS::IAM::")}
    assert roles == {"SearchRole", "TracingPolicy"}
    assert RESOURCES["TracingPolicy"]["Condition"] == "UseTracing"


# --- who else invokes the function


@pytest.mark.parametrize(("access", "endpoint"), COMBINATIONS)
def test_nobody_else_may_invoke_it(access: str, endpoint: str) -> None:
    permissions = stack_of(access, endpoint).typed("AWS::Lambda::Permission")
    if endpoint == "http-api":
        assert {permission["Principal"] for permission in permissions.values()} == {
            "apigateway.amazonaws.com"
        }
        assert all("SourceArn" in permission for permission in permissions.values())
    elif access == "iam":
        assert not permissions
    else:
        assert set(permissions) == {"FunctionUrlPermission", "FunctionUrlInvokePermission"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ApiKey", "0123456789"),
        ("ApiKey", "a key"),
        ("ApiKey", "schlüssel"),
        ("ApiKeys", "web=0123456789"),
        ("ApiKeys", "web=0123456789, app=a/longer+one==,"),
        ("ApiKeys", "web"),
        ("ApiKeys", "web="),
        ("ApiKeys", "web=short"),
        ("ApiKeys", "Web=0123456789"),
        ("ApiKeys", "0123456789abcdef=="),
        ("ApiKeys", "web=0123456789,app"),
        ("ApiKeys", "web=schlüssel-der-seite"),
        ("ApiKeys", "web=!\"#$%&'()*+-./:;<=>?@[]^_`{|}~"),
        ("AnalyticsSalt", "0123456789abcdef"),
        ("AnalyticsSalt", "0123456789abcde"),
    ],
)
def test_a_secret_is_refused_before_it_is_deployed_where_the_function_would_refuse_it(
    name: str, value: str
) -> None:
    spec = TEMPLATE["Parameters"][name]
    taken = re.search(spec["AllowedPattern"], value) is not None
    variable = {"ApiKey": "API_KEY", "ApiKeys": "API_KEYS", "AnalyticsSalt": "ANALYTICS_SALT"}[name]
    try:
        Settings.from_env({"ANALYTICS": "on", "ANALYTICS_SALT": "0123456789abcdef", variable: value})
    except SettingsError:
        assert not taken
    else:
        assert taken
    # What the function reads of them, nobody knows before.
    for known_later in ("", "{{resolve:secretsmanager:seeklet:SecretString:one::VERSION-ID}}"):
        assert re.search(spec["AllowedPattern"], known_later)
    assert name != "ApiKeys" or re.search(
        spec["AllowedPattern"], "web={{resolve:ssm-secure:web:1}},app=0123456789"
    )
