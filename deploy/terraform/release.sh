#!/bin/sh
# Moves FUNCTION's ALIAS to VERSION by CodeDeploy, and waits; release.tf runs it. It ends with an error if an alarm moved
# the alias back. It needs the AWS CLI, with the credentials that Terraform has.
set -eu
current=$(aws lambda get-alias --function-name "$FUNCTION" --name "$ALIAS" --query FunctionVersion --output text)
if [ "$current" = "$VERSION" ]; then
  exit 0
fi
content=$(printf '{"version": 0.0, "Resources": [{"%s": {"Type": "AWS::Lambda::Function", "Properties": {"Name": "%s", "Alias": "%s", "CurrentVersion": "%s", "TargetVersion": "%s"}}}]}' \
  "$FUNCTION" "$FUNCTION" "$ALIAS" "$current" "$VERSION")
# AppSpec as a string in JSON.
revision=$(printf '{"revisionType": "AppSpecContent", "appSpecContent": {"content": "%s"}}' \
  "$(printf '%s' "$content" | sed 's/"/\\"/g')")
deployment=$(aws deploy create-deployment --application-name "$APPLICATION" --deployment-group-name "$DEPLOYMENT_GROUP" \
  --revision "$revision" --query deploymentId --output text)
echo "CodeDeploy moves $FUNCTION:$ALIAS from version $current to $VERSION: $deployment"
aws deploy wait deployment-successful --deployment-id "$deployment"
