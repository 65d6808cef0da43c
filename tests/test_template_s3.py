"""template.yaml and S3: which objects the function may read, and which parameters name them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from cloudformation import FUNCTION, TEMPLATE, Stack, text_of
from lambda_tools import ROOT

from handler.settings import Settings


@pytest.mark.parametrize("owner", ["", "111122223333"])
def test_an_artifact_on_s3_is_read_from_its_owners_bucket_alone(owner: str) -> None:
    stack = Stack(ArtifactUri="s3://bucket/a", ArtifactBucketOwner=owner)
    account = owner or {"Ref": "AWS::AccountId"}
    _, policy = stack.resources["SearchRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    # Only below ArtifactUri, and no listing.
    assert statement["Action"] == "s3:GetObject"
    assert text_of(statement["Resource"], **{"AWS::Partition": "aws"}) == "arn:aws:s3:::bucket/a/*"
    assert statement["Condition"] == {"StringEquals": {"s3:ResourceAccount": account}}
    variables = stack.resources["SearchFunction"]["Environment"]["Variables"]
    assert variables["ARTIFACT_BUCKET_OWNER"] == account
    # Empty is unset, and without an artifact on S3 there is no bucket.
    variables = Stack(ArtifactBucketOwner=owner).resources["SearchFunction"]["Environment"]["Variables"]
    assert variables["ARTIFACT_BUCKET_OWNER"] == ""


@pytest.mark.parametrize(
    ("uri", "readable"),
    [
        ("s3://bucket", "bucket"),
        ("s3://bucket/a/v1", "bucket/a/v1"),
        # A pointer's releases are beside it.
        ("s3://bucket/search/current", "bucket/search"),
        ("s3://bucket/current", "bucket"),
        # No pointer of `seeklet release`: only what is below it.
        ("s3://bucket/current/v1", "bucket/current/v1"),
        ("s3://bucket/a/currently", "bucket/a/currently"),
        ("s3://bucket/not-current", "bucket/not-current"),
    ],
)
def test_a_pointer_is_read_with_its_releases_and_a_folder_alone(uri: str, readable: str) -> None:
    _, policy = Stack(ArtifactUri=uri).resources["SearchRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert text_of(statement["Resource"], **{"AWS::Partition": "aws"}) == f"arn:aws:s3:::{readable}/*"


def test_the_documented_deployment_may_read_the_releases_of_older_versions() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    found = re.search(r"make deploy ARTIFACT=(s3://(\S+)/\S+) [^`]*IndexArns=([^\s\"]+)", text)
    assert found
    uri, folder, arns = found.groups()
    _, own, more = Stack(ArtifactUri=uri, IndexArns=arns).resources["SearchRole"]["Policies"]
    (may_read,) = text_of(more["PolicyDocument"]["Statement"][0]["Resource"])
    older = f"arn:aws:s3:::{folder}/an-older-one/manifest.json"
    assert fnmatchcase(older, may_read)
    # By the address alone it could not.
    assert not fnmatchcase(
        older, text_of(own["PolicyDocument"]["Statement"][0]["Resource"], **{"AWS::Partition": "aws"})
    )


INDEXES = "news=s3://bucket/news/current,faq=s3://other.bucket/faq/v1"
ARNS = "arn:aws:s3:::bucket/news/*,arn:aws:s3:::other.bucket/faq/v1/*"


def test_indexes_are_read_below_their_arns_alone() -> None:
    stack = Stack(Indexes=INDEXES, IndexArns=ARNS)
    assert stack.refusals() == []
    _, policy = stack.resources["SearchRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "s3:GetObject"
    assert text_of(statement["Resource"]) == ARNS.split(",")
    assert statement["Condition"] == {"StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    function = stack.resources["SearchFunction"]
    variables = function["Environment"]["Variables"]
    assert variables["ARTIFACT_BUCKET_OWNER"] == {"Ref": "AWS::AccountId"}
    assert [place.name for place in Settings.from_env({"INDEXES": variables["INDEXES"]}).indexes] == [
        "news",
        "faq",
    ]
    # Without a model layer nothing is at ARTIFACT_DIR, so the first index is the default one.
    assert "ModelLayer" not in stack.resources
    assert function["Layers"] == [{"Ref": "RuntimeLayer"}]
    both = Stack(Indexes=INDEXES, IndexArns=ARNS, ArtifactUri="s3://bucket/a").resources["SearchRole"][
        "Policies"
    ]
    assert [policy["PolicyName"] for policy in both] == ["logs", "artifact", "indexes"]
    (refusal,) = Stack(Indexes=INDEXES).refusals()
    assert "IndexArns" in refusal


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("Indexes", INDEXES, True),
        ("Indexes", "news=s3://bucket", True),
        ("Indexes", "news", False),
        ("Indexes", "news=/opt/artifact", False),
        ("Indexes", "News=s3://bucket/a", False),
        ("Indexes", "news=s3://bucket/a, faq=s3://bucket/b", False),
        ("Indexes", "news=s3://bucket/a,", False),
        ("IndexArns", ARNS, True),
        ("IndexArns", "arn:aws-cn:s3:::bucket/*", True),
        ("IndexArns", "arn:aws:s3:::*", False),
        ("IndexArns", "arn:aws:s3:::bucket", False),
        ("IndexArns", "arn:aws:s3:::bucket/a*", False),
        ("IndexArns", "*", False),
    ],
)
def test_the_parameters_of_indexes_take_no_more_than_they_should(name: str, value: str, taken: bool) -> None:
    assert bool(re.fullmatch(TEMPLATE["Parameters"][name]["AllowedPattern"], value)) == taken


def test_the_artifact_comes_from_the_layer_or_from_s3() -> None:
    runtime, model = {"Ref": "RuntimeLayer"}, {"Ref": "ModelLayer"}
    # The condition is around the list, for `sam local`.
    assert FUNCTION["Layers"] == {"Fn::If": ["UseModelLayer", [runtime, model], [runtime]]}
    assert FUNCTION["EphemeralStorage"] == {"Size": {"Ref": "EphemeralStorage"}}
    for uri in ("", "s3://bucket/a"):
        stack = Stack(ArtifactUri=uri)
        assert ("ModelLayer" in stack.resources) == (uri == "")
        function = stack.resources["SearchFunction"]
        assert (model in function["Layers"]) == (uri == "")
        assert function["Environment"]["Variables"]["ARTIFACT_DIR"] == "/opt/artifact"
        assert function["Environment"]["Variables"]["ARTIFACT_URI"] == uri


@pytest.mark.parametrize(
    ("uri", "taken"),
    [
        ("", True),
        ("s3://bucket", True),
        ("s3://my.bucket-1/a/b_c=1", True),
        ("s3://bucket/", False),
        ("s3://bucket/a//b", False),
        # In the role's policy these would be wildcards.
        ("s3://bucket/*", False),
        ("s3://bucket/a?", False),
        ("s3://bucket/${aws:username}", False),
        ("https://bucket/a", False),
    ],
)
def test_the_parameter_takes_what_the_function_takes(uri: str, taken: bool) -> None:
    pattern = TEMPLATE["Parameters"]["ArtifactUri"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, uri)) == taken
    if taken:
        assert Settings.from_env({"ARTIFACT_URI": uri}).artifact_uri == (uri or None)
