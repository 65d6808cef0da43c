locals {
  url = local.http_api ? "${one(aws_apigatewayv2_api.search[*].api_endpoint)}/" : one(aws_lambda_function_url.search[*].function_url)
}

output "url" {
  description = "The address of the service"
  value       = local.url
}

output "curl" {
  description = "A command line for a first query"
  value       = "curl -s ${local.url}similar -H 'content-type: application/json' -d '{\"text\": \"europe climate change storm\", \"num_results\": 5}'"
}

output "function_name" {
  description = "The function's name for `aws lambda invoke`"
  value       = aws_lambda_function.search.function_name
}

output "alias_arn" {
  description = "The alias that callers inside AWS invoke"
  value       = local.alias.arn
}

output "log_group_name" {
  description = "The function's log group"
  value       = aws_cloudwatch_log_group.search.name
}
