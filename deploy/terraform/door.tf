# What leads to the alias from outside: an HTTP API or a function URL, and who may come in.

locals {
  http_api = var.endpoint == "http-api"

  # By method, not $default or ANY: those match OPTIONS too, and a preflight would invoke the function. /{proxy+} matches
  # every path but /, which has the page.
  routes        = local.http_api ? toset(["GET /", "GET /{proxy+}", "POST /{proxy+}"]) : toset([])
  authorization = { none = "NONE", iam = "AWS_IAM", jwt = "JWT", api-key = "NONE" }

  cors = {
    methods = ["GET", "POST"]
    # x-amz-*: what a browser's signed request has. user-agent and x-stainless-*: what OpenAI's client sends there.
    headers = [
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
    exposed = ["etag", "retry-after", "seeklet-corpus", "server-timing", "x-request-id"]
    max_age = 3600
  }
}

resource "aws_apigatewayv2_api" "search" {
  count = local.http_api ? 1 : 0

  name          = var.name
  protocol_type = "HTTP"

  cors_configuration {
    allow_origins  = var.cors_origins
    allow_methods  = local.cors.methods
    allow_headers  = local.cors.headers
    expose_headers = local.cors.exposed
    max_age        = local.cors.max_age
  }
}

resource "aws_apigatewayv2_stage" "search" {
  count = local.http_api ? 1 : 0

  api_id      = aws_apigatewayv2_api.search[0].id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = var.throttle_rate
    throttling_burst_limit = var.throttle_burst
  }
}

resource "aws_apigatewayv2_integration" "search" {
  count = local.http_api ? 1 : 0

  api_id                 = aws_apigatewayv2_api.search[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = local.alias.arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "search" {
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.search[0].id
  route_key          = each.value
  target             = "integrations/${aws_apigatewayv2_integration.search[0].id}"
  authorization_type = local.authorization[var.access]
  authorizer_id      = var.access == "jwt" ? aws_apigatewayv2_authorizer.jwt[0].id : null
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = local.http_api && var.access == "jwt" ? 1 : 0

  api_id           = aws_apigatewayv2_api.search[0].id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt_issuer
    audience = split(",", var.jwt_audience)
  }

  # It goes after the routes have let it go: API Gateway deletes none that a route names.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lambda_permission" "http_api" {
  count = local.http_api ? 1 : 0

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.search.function_name
  qualifier     = local.alias.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.arn}:execute-api:${local.region}:${local.account}:${aws_apigatewayv2_api.search[0].id}/*"
}

resource "aws_lambda_function_url" "search" {
  count = local.http_api ? 0 : 1

  function_name      = aws_lambda_function.search.function_name
  qualifier          = local.alias.name
  authorization_type = var.access == "iam" ? "AWS_IAM" : "NONE"

  cors {
    allow_origins  = var.cors_origins
    allow_methods  = local.cors.methods
    allow_headers  = local.cors.headers
    expose_headers = local.cors.exposed
    max_age        = local.cors.max_age
  }
}

# The provider adds this permission to a URL that is public when it is made, not to one that becomes public.
resource "aws_lambda_permission" "public_url" {
  count = !local.http_api && var.access != "iam" ? 1 : 0

  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.search.function_name
  qualifier              = local.alias.name
  function_url_auth_type = "NONE"
  principal              = "*"
}

# A public URL needs a second permission since October 2025. aws_lambda_permission can't limit it to the URL before the
# provider's 6.29; without that limit anybody could invoke the function past the URL. CloudFormation can.
resource "aws_cloudformation_stack" "public_url" {
  count = !local.http_api && var.access != "iam" ? 1 : 0

  name = "${var.name}-public-url"
  template_body = jsonencode({
    Resources = {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = local.alias.arn
          InvokedViaFunctionUrl = true
          Principal             = "*"
        }
      }
    }
  })
}
