"""The Terraform module when its variables change: what is still in use is not taken away first."""

from __future__ import annotations

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
