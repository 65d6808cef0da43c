"""The blocks of the documents that tests/test_docs_commands.py doesn't run, each with what runs it instead."""

from __future__ import annotations

DEMO = "the demo corpus takes more than a minute; tests/test_demo.py, tests/test_run.py and tests/test_serve.py run the steps"
SETUP = "CI begins with it, and these tests run in what it made"
PACKAGE = "tests/test_package.py installs the wheel into empty environments"
LAMBDA = "`make test-lambda`: tests/test_sam_local.py, tests/test_deploy.py and tests/test_lambda.py"
ACCESS = "tests/test_access.py and tests/test_template_access.py; IAM and JWT are AWS's own"
AWS = "it needs an AWS account; tests/test_deploy.py moves the alias against moto"
RELEASE = "tests/test_release.py, and tests/test_release_moto.py against moto's S3"
RUNBOOK = "tests/test_operations.py runs them while requests go on"
CLIENTS = "`make test-clients`: tests/test_clients_docs.py"
SCALE = "`make test-scale`: tests/test_publish*.py publish into a real PostgreSQL"
DEPLOY = (
    "`make test-cdk`: tests/test_cdk.py and tests/test_terraform.py; an AWS account is needed for the rest"
)
RAY = "`make test-scale`: tests/test_ray_export.py and tests/test_ray_corpus.py"
BENCH = "it takes minutes to hours on an idle machine"

# A block, by its document and first line -> what runs it instead.
ELSEWHERE = {
    ("README.md", "make run"): DEMO,
    ("README.md", "$ source .venv/bin/activate"): DEMO,
    (
        "README.md",
        'pip install ".[export,serve]" --extra-index-url https://download.pytorch.org/whl/cpu',
    ): PACKAGE,
    ("README.md", "make build"): LAMBDA,
    ("docs/tutorial.md", "make setup"): SETUP,
    ("docs/tutorial.md", "make build ARTIFACT=artifact"): LAMBDA,
    ("docs/tutorial.md", "export API_KEY=$(openssl rand -hex 32)"): ACCESS,
    (
        "docs/tutorial.md",
        'seeklet query "what does a warmer climate do" https://abc123.execute-api.eu-west-1.amazonaws.com',
    ): "tests/test_query.py asks a service at a URL",
    (
        "docs/http.md",
        'aws lambda invoke --function-name "$NAME:live" --cli-binary-format raw-in-base64-out \\',
    ): "tests/test_events.py and tests/test_lambda.py send events/direct.json",
    ("docs/commands.md", "seeklet demo-corpus demo.jsonl"): "tests/test_demo.py writes it",
    ("docs/commands.md", "seeklet publish artifact postgresql://seeklet@db.example.org/search"): SCALE,
    ("docs/postgresql.md", 'pip install "seeklet[postgres]"'): SCALE,
    ("docs/postgresql.md", "seeklet publish --list"): SCALE,
    ("docs/postgresql.md", "seeklet publish artifact --changed"): SCALE,
    ("docs/operations.md", "make logs"): "it needs an AWS account",
    (
        "docs/operations.md",
        "seeklet export --corpus articles.jsonl --text text --id id --out artifact",
    ): RUNBOOK,
    ("docs/operations.md", "seeklet release --rollback s3://my-bucket/search"): RUNBOOK,
    ("docs/commands.md", "seeklet release artifact s3://my-bucket/search"): RELEASE,
    ("docs/updates.md", "seeklet release artifact s3://my-bucket/search"): RELEASE,
    ("docs/updates.md", "seeklet release --list s3://my-bucket/search"): RELEASE,
    ("docs/deploy.md", "make sam-setup"): LAMBDA,
    ("docs/deploy.md", "# none"): ACCESS,
    (
        "docs/deploy.md",
        "aws s3 cp --recursive artifact s3://my-bucket/search/2026-11-23",
    ): "tests/test_fetch.py fetches an artifact from moto's S3",
    (
        "docs/deploy.md",
        "aws lambda list-versions-by-function --function-name NAME --query 'Versions[].[Version,LastModified]'",
    ): AWS,
    (
        "docs/deploy.md",
        "make image ARTIFACT=artifact IMAGE=ACCOUNT.dkr.ecr.REGION.amazonaws.com/seeklet:1",
    ): "tests/test_sam_local.py builds and asks the image; an AWS account is needed for the rest",
    (
        "docs/deploy.md",
        'pip install ".[serve]"',
    ): "tests/test_app.py and tests/test_faults.py start this server",
    ("docs/cdk.md", "make build"): DEPLOY,
    ("docs/cdk.md", 'make cdk-synth STACK=my-search PARAMETERS="access=iam memory_size=1024"'): DEPLOY,
    ("docs/terraform.md", "make build"): DEPLOY,
    ("docs/terraform.md", "terraform init"): DEPLOY,
    (
        "docs/terraform.md",
        "terraform state mv 'module.search.aws_lambda_alias.live[0]' 'module.search.aws_lambda_alias.moved_by_codedeploy[0]'",
    ): DEPLOY,
    ("docs/clients.md", "from seeklet import RemoteSearcher"): CLIENTS,
    ("docs/clients.md", "from seeklet.langchain import SeekletRetriever"): CLIENTS,
    ("docs/clients.md", "from langchain_core.vectorstores import InMemoryVectorStore"): CLIENTS,
    ("docs/clients.md", "from seeklet.llama_index import SeekletRetriever"): CLIENTS,
    (
        "docs/models.md",
        "seeklet export --corpus faq.csv --text question --model intfloat/e5-small-v2 \\",
    ): "tests/test_published_models.py has this model's parts, and the prompts as options",
    (
        "docs/models.md",
        "seeklet export --corpus faq.csv --text question --model MongoDB/mdbr-leaf-ir \\",
    ): "tests/test_document_model.py does it with two small models",
    (
        "docs/passages.md",
        "python -m benchmarks.passages scifact --every 4 --plans 254/32,128/32,128/0,64/16",
    ): BENCH,
    (
        "docs/ray.md",
        "seeklet export --engine ray --corpus papers.csv --text title,abstract --id doi --out artifact",
    ): RAY,
    (
        "docs/ray.md",
        "seeklet export --engine ray --ray-address 10.0.0.5:6379 --ray-shards s3://my-bucket/work \\",
    ): RAY,
    (
        "docs/ray.md",
        "ray up --yes cluster.yaml",
    ): "it needs an AWS account; tests/test_ray_docs.py checks the file by Ray's schema",
    ("docs/benchmarks.md", "make bench BENCH_DATA=folder EMULATED_PYTHON=program"): BENCH,
}
