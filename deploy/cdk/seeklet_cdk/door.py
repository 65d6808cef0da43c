"""What leads to the alias from outside: an HTTP API or a function URL, and who may come in."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from seeklet_cdk.parameters import Parameters

# x-amz-*: what a browser's signed request has. user-agent and x-stainless-*: what OpenAI's client sends there.
ALLOWED_HEADERS = [
    "authorization",
    "content-type",
    "if-none-match",
    "mcp-protocol-version",
    "mcp-session-id",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
    "x-request-id",
    "x-stainless-arch",
    "x-stainless-lang",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-retry-count",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "x-stainless-timeout",
]
EXPOSED_HEADERS = ["etag", "retry-after", "seeklet-corpus", "server-timing", "x-request-id"]
# By method, not $default or ANY: those match OPTIONS too, and a preflight would invoke the function. /{proxy+} matches
# every path but /, which has the page.
ROUTES = {"RootRoute": ("GET", "/"), "GetRoute": ("GET", "/{proxy+}"), "PostRoute": ("POST", "/{proxy+}")}


def open_http_api(scope: Construct, parameters: Parameters, alias: lambda_.Alias, name: str) -> str:
    """Makes an HTTP API before the alias; returns its address, with a slash at its end."""
    api = apigateway.HttpApi(
        scope,
        "HttpApi",
        api_name=name,
        create_default_stage=False,
        cors_preflight=apigateway.CorsPreflightOptions(
            allow_origins=[*parameters.cors_origins],
            allow_methods=[apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=Duration.hours(1),
        ),
    )
    apigateway.HttpStage(
        scope,
        "HttpApiStage",
        http_api=api,
        stage_name="$default",
        auto_deploy=True,
        throttle=apigateway.ThrottleSettings(
            rate_limit=parameters.throttle_rate, burst_limit=parameters.throttle_burst
        ),
    )
    # One permission for the whole API: a permission for each route would say the same three times.
    integration = integrations.HttpLambdaIntegration(
        "HttpApiIntegration", alias, scope_permission_to_route=False
    )
    authorizer = _authorizer(parameters)
    for construct_id, (method, path) in ROUTES.items():
        apigateway.HttpRoute(
            scope,
            construct_id,
            http_api=api,
            route_key=apigateway.HttpRouteKey.with_(path, apigateway.HttpMethod[method]),
            integration=integration,
            authorizer=authorizer,
        )
    return f"{api.api_endpoint}/"


def _authorizer(parameters: Parameters) -> apigateway.IHttpRouteAuthorizer:
    if parameters.access == "iam":
        return authorizers.HttpIamAuthorizer()
    if parameters.access == "jwt":
        audience = parameters.jwt_audience.split(",")
        return authorizers.HttpJwtAuthorizer(
            "HttpApiAuthorizer", parameters.jwt_issuer, authorizer_name="jwt", jwt_audience=audience
        )
    return apigateway.HttpNoneAuthorizer()


def open_function_url(parameters: Parameters, alias: lambda_.Alias) -> str:
    """Gives the alias a URL of its own; returns it, with a slash at its end. A public one brings its permissions."""
    auth = lambda_.FunctionUrlAuthType
    url = alias.add_function_url(
        auth_type=auth.AWS_IAM if parameters.access == "iam" else auth.NONE,
        cors=lambda_.FunctionUrlCorsOptions(
            allowed_origins=[*parameters.cors_origins],
            allowed_methods=[lambda_.HttpMethod.GET, lambda_.HttpMethod.POST],
            allowed_headers=ALLOWED_HEADERS,
            exposed_headers=EXPOSED_HEADERS,
            max_age=Duration.hours(1),
        ),
    )
    return str(url.url)
