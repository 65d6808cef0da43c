"""The Terraform module when its variables change, and in other partitions."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from terraform_runs import Terraform, instances, terraform_with_moto

pytestmark = pytest.mark.cdk

BEFORE = {
    "Access": "jwt",
    "JwtIssuer": "https://issuer.example/pool",
    "JwtAudience": "client-1",
    "ArtifactUri": "s3://bucket/v1",
    "Indexes": "news=s3://bucket/news",
    "IndexArns": "arn:aws:s3:::bucket/news/*",
    "Tracing": "on",
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """The module with those variables."""
    with terraform_with_moto(tmp_path_factory.mktemp("updates"), {"search": BEFORE}) as ready:
        yield ready


def test_an_update_takes_nothing_away_that_is_still_used(terraform: Terraform) -> None:
    done = terraform.run("apply", "-auto-approve")
    assert done.returncode == 0, done.stderr
    terraform.write(instances(terraform.folder, {"search": {}}))
    done = terraform.run("apply", "-auto-approve")
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("module.search.") for line in done.stdout.splitlines()]

    def first(start: str) -> int:
        return next(number for number, line in enumerate(lines) if line.startswith(start))

    def last(start: str) -> int:
        return max(number for number, line in enumerate(lines) if line.startswith(start))

    # The versions that the alias leaves fetch, and log their traces, until it has moved.
    moved = last("aws_lambda_alias.live[0]: Modifications complete")
    for policy in ("artifact", "indexes", "tracing"):
        assert first(f"aws_iam_role_policy.{policy}[0]: Destroying") > moved, policy
    # API Gateway deletes no authorizer that a route names.
    routes = [
        f'aws_apigatewayv2_route.search["{key}"]' for key in ("GET /", "GET /{proxy+}", "POST /{proxy+}")
    ]
    freed = max(last(f"{route}: Modifications complete") for route in routes)
    assert first("aws_apigatewayv2_authorizer.jwt[0]: Destroying") > freed


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [("us-gov-west-1", "aws-us-gov", "amazonaws.com"), ("cn-north-1", "aws-cn", "amazonaws.com.cn")],
)
def test_names_are_those_of_the_partition(
    terraform: Terraform, region: str, partition: str, suffix: str
) -> None:
    values = {"DeploymentType": "Canary10Percent5Minutes", "ArtifactUri": "s3://bucket/v1"}
    # A name of its own: what the other test has made isn't in this region.
    terraform.write(instances(terraform.folder, {"elsewhere": values}), region)
    done = terraform.run("init")
    assert done.returncode == 0, done.stderr
    done = terraform.run("plan", "-out=plan", "-target=module.elsewhere")
    assert done.returncode == 0, done.stderr
    (planned,) = terraform.show("plan").values()
    made = {resource["address"].removeprefix("module.elsewhere."): resource["values"] for resource in planned}
    policy = json.loads(made["aws_iam_role.codedeploy[0]"]["assume_role_policy"])
    # As the AWS provider's data source aws_service_principal has them.
    assert policy["Statement"][0]["Principal"] == {"Service": f"codedeploy.{suffix}"}
    attached = made["aws_iam_role_policy_attachment.codedeploy[0]"]["policy_arn"]
    assert attached.startswith(f"arn:{partition}:iam::aws:policy/")
    artifact = json.loads(made["aws_iam_role_policy.artifact[0]"]["policy"])
    assert artifact["Statement"][0]["Resource"] == f"arn:{partition}:s3:::bucket/v1/*"
