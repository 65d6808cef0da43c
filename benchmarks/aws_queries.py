"""Makes a retrieval test set from PyPI's packages: do the titles of the AWS CLI's examples find their operation?

    python -m benchmarks.aws_queries build/demo.jsonl build/aws
    python -m benchmarks.quality build/aws

`make bench-setup` installs the awscli package. The test set has BEIR's layout. Its documents are the demo corpus. Each
query is an example's title, and its one relevant document is the operation that the example belongs to. Examples of
commands that are no API operation are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name

TITLE = re.compile(r"^\*\*(?:Example\s+\d+\s*[:.]?\s*)?(?P<title>[^*]+?)[:.]?\*\*\s*$", re.MULTILINE)
# Where the CLI calls a service by another name than botocore's folder.
SERVICES = {"s3api": "s3", "deploy": "codedeploy", "configservice": "config", "opensearch": "opensearch"}


def read_titles(examples: Path) -> Iterator[tuple[str, str, str]]:
    """Yields service folder, command and title of every example."""
    for path in sorted(examples.glob("*/*.rst")):
        service = SERVICES.get(path.parent.name, path.parent.name)
        for match in TITLE.finditer(path.read_text(encoding="utf-8")):
            yield service, path.stem, " ".join(match["title"].split())


def main() -> None:
    """Writes the folder and says how many queries it holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="the demo corpus, as `seeklet demo-corpus` wrote it")
    parser.add_argument("out", type=Path, help="the folder to write")
    options = parser.parse_args()
    spec = importlib.util.find_spec("awscli")
    if spec is None or spec.origin is None:
        parser.error("the awscli package is not installed: pip install --no-deps awscli==1.46.3")
    operations = [json.loads(line) for line in options.corpus.read_text(encoding="utf-8").splitlines()]
    by_command = {
        (operation["id"].partition(":")[0], xform_name(operation["operation"], "-")): operation["id"]
        for operation in operations
    }
    queries: dict[tuple[str, str], None] = {}
    for service, command, title in read_titles(Path(spec.origin).parent / "examples"):
        if found := by_command.get((service, command)):
            queries[title, found] = None
    (options.out / "qrels").mkdir(parents=True, exist_ok=True)
    write_lines(
        options.out / "corpus.jsonl",
        [{"_id": row["id"], "title": "", "text": row["text"]} for row in operations],
    )
    write_lines(
        options.out / "queries.jsonl",
        [{"_id": f"q{row}", "text": title} for row, (title, _) in enumerate(queries)],
    )
    qrels = ["query-id\tcorpus-id\tscore", *(f"q{row}\t{found}\t1" for row, (_, found) in enumerate(queries))]
    (options.out / "qrels" / "test.tsv").write_text("\n".join(qrels) + "\n", encoding="utf-8")
    print(
        f"{options.out}: {len(queries):,} queries for {len({found for _, found in queries}):,} operations of {len(operations):,}"
    )


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    """Writes JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
