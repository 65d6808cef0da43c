# Three alarms of the alias, and how it moves to a new version.
#
# With AllAtOnce Terraform moves it. Otherwise CodeDeploy does, and back if an alarm is raised; Terraform can't start a
# deployment of CodeDeploy, so the AWS CLI does. A resource's ignore_changes takes no condition, hence two aliases, of
# which one is there.

locals {
  gradual = var.deployment_type != "AllAtOnce"
  alias   = local.gradual ? one(aws_lambda_alias.moved_by_codedeploy) : one(aws_lambda_alias.live)

  alarms = {
    errors = {
      description = "A query ended in an exception, a timeout or a crash"
      metric      = "Errors", statistic = "Sum", extended_statistic = null
      threshold   = 0, minutes = 1, of_them = null
    }
    throttles = {
      description = "Queries were refused because no environment was free"
      metric      = "Throttles", statistic = "Sum", extended_statistic = null
      threshold   = 0, minutes = 1, of_them = null
    }
    duration = {
      description = "One query in a hundred took too long"
      metric      = "Duration", statistic = null, extended_statistic = "p99"
      threshold   = var.alarm_duration_ms, minutes = 5, of_them = 3
    }
  }
}

resource "aws_lambda_alias" "live" {
  count = local.gradual ? 0 : 1

  name             = "live"
  function_name    = aws_lambda_function.search.function_name
  function_version = aws_lambda_function.search.version
}

resource "aws_lambda_alias" "moved_by_codedeploy" {
  count = local.gradual ? 1 : 0

  name             = "live"
  function_name    = aws_lambda_function.search.function_name
  function_version = aws_lambda_function.search.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency == 0 ? 0 : 1

  function_name                     = aws_lambda_function.search.function_name
  qualifier                         = local.alias.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

resource "aws_cloudwatch_metric_alarm" "live" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  extended_statistic  = each.value.extended_statistic
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.of_them
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  dimensions = {
    FunctionName = aws_lambda_function.search.function_name
    Resource     = "${aws_lambda_function.search.function_name}:live"
  }
}

resource "aws_iam_role" "codedeploy" {
  count = local.gradual ? 1 : 0

  name_prefix = "${substr(var.name, 0, 30)}-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      # In China it has another name. Lambda, EventBridge and API Gateway have the same one everywhere.
      Principal = { Service = "codedeploy.${data.aws_partition.current.dns_suffix}" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "codedeploy" {
  count = local.gradual ? 1 : 0

  role       = aws_iam_role.codedeploy[0].name
  policy_arn = "${local.arn}:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
}

resource "aws_codedeploy_app" "search" {
  count = local.gradual ? 1 : 0

  name             = var.name
  compute_platform = "Lambda"
}

resource "aws_codedeploy_deployment_group" "live" {
  count = local.gradual ? 1 : 0

  app_name               = aws_codedeploy_app.search[0].name
  deployment_group_name  = "live"
  deployment_config_name = "CodeDeployDefault.Lambda${var.deployment_type}"
  service_role_arn       = aws_iam_role.codedeploy[0].arn

  deployment_style {
    deployment_type   = "BLUE_GREEN"
    deployment_option = "WITH_TRAFFIC_CONTROL"
  }

  alarm_configuration {
    enabled = true
    alarms  = [for alarm in aws_cloudwatch_metric_alarm.live : alarm.alarm_name]
  }

  auto_rollback_configuration {
    enabled = true
    events  = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
  }
}

# Runs at each new version. The alias has the first one from its start, and release.sh then moves nothing.
resource "terraform_data" "release" {
  count = local.gradual ? 1 : 0

  triggers_replace = aws_lambda_function.search.version

  provisioner "local-exec" {
    command = "sh \"$RELEASE\""
    environment = {
      RELEASE          = "${path.module}/release.sh"
      AWS_REGION       = local.region
      APPLICATION      = aws_codedeploy_app.search[0].name
      DEPLOYMENT_GROUP = aws_codedeploy_deployment_group.live[0].deployment_group_name
      FUNCTION         = aws_lambda_function.search.function_name
      ALIAS            = local.alias.name
      VERSION          = aws_lambda_function.search.version
    }
  }

  depends_on = [aws_iam_role_policy_attachment.codedeploy]
}
