# Alarms of the metrics that the function writes into its log, and a dashboard of them. They don't stop a deployment.

locals {
  metric_alarms = var.metrics != "emf" ? {} : merge(
    {
      server-errors = {
        description = "A request was answered with 500 or 503"
        metric      = "ServerErrors", statistic = "Sum", threshold = 0
        period      = 60, periods = 1, of_them = null, missing = "notBreaching"
      }
      empty-answers = {
        description = "One search in five found nothing, for a quarter of an hour"
        metric      = "EmptyAnswers", statistic = "Average", threshold = 0.2
        period      = 300, periods = 3, of_them = 3, missing = "notBreaching"
      }
    },
    var.alarm_index_age_seconds == 0 ? {} : {
      index-age = {
        description = "The release that is served is too old"
        metric      = "IndexAge", statistic = "Maximum", threshold = var.alarm_index_age_seconds
        # Only requests tell the age, and it doesn't fall where there are none.
        period = 300, periods = 1, of_them = null, missing = "ignore"
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "metrics" {
  for_each = local.metric_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "seeklet"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.of_them
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  dimensions = {
    FunctionName = aws_lambda_function.search.function_name
  }
}

# `make parameters` writes the template.
resource "aws_cloudwatch_dashboard" "search" {
  count = var.dashboard == "on" ? 1 : 0

  # With the region: an account has each name once, in all regions.
  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = templatefile("${path.module}/dashboard.json.tftpl", {
    SearchFunction = aws_lambda_function.search.function_name
    LogGroup       = aws_cloudwatch_log_group.search.name
    Region         = local.region
  })
}
