# The function with its layers, role and log, and its alias: what template.yaml makes, from what `make build` built.

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.id
  arn     = "arn:${data.aws_partition.current.partition}"

  # Whether what is served comes from S3, and there is no model layer.
  on_s3 = var.artifact_uri != "" || var.indexes != ""

  layers = merge(
    { RuntimeLayer = { kind = "runtime", description = "The packages that the handler imports, pruned and compiled" } },
    local.on_s3 ? {} : { ModelLayer = { kind = "model", description = "The artifact, at /opt/artifact" } },
  )
  archives = { for resource in concat(["SearchFunction"], keys(local.layers)) : resource => "${var.archives}/${resource}.zip" }
  uploads  = var.upload_bucket == "" ? {} : local.archives

  # A bucket that was deleted may come back under its name in a stranger's account.
  bucket_owner = var.artifact_bucket_owner == "" ? local.account : var.artifact_bucket_owner

  variables = {
    ARTIFACT_DIR          = "/opt/artifact"
    ARTIFACT_URI          = var.artifact_uri
    REFRESH_SECONDS       = tostring(var.refresh_seconds)
    INDEXES               = var.indexes
    ARTIFACT_BUCKET_OWNER = local.on_s3 ? local.bucket_owner : ""
    INDEX_URI             = var.index_uri
    INDEX_NAME            = var.index_name
    INDEX_AUTH            = var.index_auth
    MAX_RESPONSE_BYTES    = tostring(var.max_response_bytes)
    CACHE_CONTROL         = var.cache_control
    MCP                   = var.mcp
    LOG_REQUESTS          = var.log_requests
    METRICS               = var.metrics
    ANALYTICS             = var.analytics
    ANALYTICS_SALT        = var.analytics_salt
    GOOD_SCORE            = var.good_score
    ORT_DISABLE_TELEMETRY = "1"
    # Read by glibc: what has more bytes goes back to the system when it is freed, and what it keeps for the next request.
    MALLOC_MMAP_THRESHOLD_ = "4194304"
    MALLOC_TRIM_THRESHOLD_ = "1048576"
  }
}

resource "aws_s3_object" "archive" {
  for_each = local.uploads

  bucket      = var.upload_bucket
  key         = "${var.name}/${filesha256(each.value)}.zip"
  source      = each.value
  source_hash = filesha256(each.value)
}

resource "aws_lambda_layer_version" "this" {
  for_each = local.layers

  layer_name               = "${var.name}-${each.value.kind}"
  description              = each.value.description
  filename                 = var.upload_bucket == "" ? local.archives[each.key] : null
  s3_bucket                = var.upload_bucket == "" ? null : aws_s3_object.archive[each.key].bucket
  s3_key                   = var.upload_bucket == "" ? null : aws_s3_object.archive[each.key].key
  source_code_hash         = filebase64sha256(local.archives[each.key])
  compatible_runtimes      = [var.runtime]
  compatible_architectures = [var.architecture]

  # The old layer goes when the function no longer names it.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lambda_function" "search" {
  function_name                  = var.name
  handler                        = "handler.app.handler"
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  memory_size                    = var.memory_size
  timeout                        = var.timeout
  role                           = aws_iam_role.search.arn
  reserved_concurrent_executions = var.reserved_concurrency
  layers                         = [for resource in reverse(sort(keys(local.layers))) : aws_lambda_layer_version.this[resource].arn]

  filename         = var.upload_bucket == "" ? local.archives["SearchFunction"] : null
  s3_bucket        = var.upload_bucket == "" ? null : aws_s3_object.archive["SearchFunction"].bucket
  s3_key           = var.upload_bucket == "" ? null : aws_s3_object.archive["SearchFunction"].key
  source_code_hash = filebase64sha256(local.archives["SearchFunction"])

  # Each change of code, layers or settings is a version.
  publish = true

  ephemeral_storage {
    size = var.ephemeral_storage
  }

  environment {
    # The function refuses to start where both are there and empty.
    variables = merge(local.variables, var.access == "api-key" ? { API_KEY = var.api_key, API_KEYS = var.api_keys } : {})
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.search.name
  }

  tracing_config {
    mode = var.tracing == "on" ? "Active" : "PassThrough"
  }

  snap_start {
    apply_on = var.snap_start == "on" ? "PublishedVersions" : "None"
  }

  dynamic "vpc_config" {
    for_each = var.vpc_subnet_ids == "" ? [] : [1]

    content {
      subnet_ids         = split(",", var.vpc_subnet_ids)
      security_group_ids = split(",", var.vpc_security_group_ids)
    }
  }

  # A first start without them could neither log nor fetch nor connect. Each has create_before_destroy: what is no longer
  # needed goes after the alias has moved.
  depends_on = [
    aws_iam_role_policy.logs,
    aws_iam_role_policy.artifact,
    aws_iam_role_policy.indexes,
    aws_iam_role_policy.database,
    aws_iam_role_policy.network,
    aws_iam_role_policy.tracing,
  ]
}

resource "aws_cloudwatch_log_group" "search" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

# Not AWSLambdaBasicExecutionRole: that may write to every log group of the account.
resource "aws_iam_role" "search" {
  name_prefix = "${substr(var.name, 0, 30)}-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.search.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${local.arn}:logs:${local.region}:${local.account}:log-group:${aws_cloudwatch_log_group.search.name}:*"
    }]
  })
}

resource "aws_iam_role_policy" "artifact" {
  count = var.artifact_uri == "" ? 0 : 1

  name = "artifact"
  role = aws_iam_role.search.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = "s3:GetObject"
      # Beside a pointer, `current`, lie its releases.
      Resource  = "${local.arn}:s3:::${trimsuffix(trimprefix(var.artifact_uri, "s3://"), "/current")}/*"
      Condition = { StringEquals = { "s3:ResourceAccount" = local.bucket_owner } }
    }]
  })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role_policy" "indexes" {
  count = var.index_arns == "" ? 0 : 1

  name = "indexes"
  role = aws_iam_role.search.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "s3:GetObject"
      Resource  = split(",", var.index_arns)
      Condition = { StringEquals = { "s3:ResourceAccount" = local.bucket_owner } }
    }]
  })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role_policy" "database" {
  count = var.index_auth == "iam" ? 1 : 0

  name = "database"
  role = aws_iam_role.search.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "rds-db:connect"
      Resource = "${local.arn}:rds-db:${local.region}:${local.account}:dbuser:${var.index_database_user}"
    }]
  })

  lifecycle {
    create_before_destroy = true
  }
}

# The same rights as AWSLambdaVPCAccessExecutionRole gives, without its logs.
resource "aws_iam_role_policy" "network" {
  count = var.vpc_subnet_ids == "" ? 0 : 1

  name = "network"
  role = aws_iam_role.search.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      # EC2 has no resources to name for them.
      Action = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = "*"
    }]
  })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role_policy" "tracing" {
  count = var.tracing == "on" ? 1 : 0

  name = "tracing"
  role = aws_iam_role.search.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      # X-Ray has no resources to name.
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = "*"
    }]
  })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_event_rule" "warm" {
  count = var.warm_every_minutes == 0 ? 0 : 1

  name_prefix         = "${substr(var.name, 0, 30)}-"
  description         = "One search from time to time, so that an environment of the alias stays warm"
  schedule_expression = "rate(${var.warm_every_minutes} minutes)"
}

resource "aws_cloudwatch_event_target" "warm" {
  count = var.warm_every_minutes == 0 ? 0 : 1

  rule      = aws_cloudwatch_event_rule.warm[0].name
  target_id = "alias"
  arn       = local.alias.arn

  # The next one comes soon: an old one would only queue.
  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 0
  }
}

resource "aws_lambda_permission" "warm" {
  count = var.warm_every_minutes == 0 ? 0 : 1

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.search.function_name
  qualifier     = local.alias.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.warm[0].arn
}
