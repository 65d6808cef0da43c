"""What docs/operations.md says, in pieces that a test can try: commands, queries, tables, steps and names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from documents import ROOT, read_blocks

PAGE = ROOT / "docs" / "operations.md"
TEXT = PAGE.read_text(encoding="utf-8")
# Logs Insights: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
_COMMANDS = {
    "filter",
    "fields",
    "sort",
    "stats",
    "limit",
    "by",
    "as",
    "asc",
    "desc",
    "and",
    "or",
    "not",
    "like",
    "in",
}


def section(title: str) -> str:
    """Returns the text below a heading, up to the next one of any level."""
    return re.split(r"^#", TEXT.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def rows(title: str) -> list[list[str]]:
    """Returns the cells of a section's tables, without their heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [each for place, each in enumerate(cells) if place > 1 and not set(each[0]) <= set("-")]


def commands() -> list[str]:
    """Returns each line that a reader is told to type."""
    blocks = (block.text for block in read_blocks(PAGE) if block.language == "sh")
    return [line for block in blocks for line in block.strip().splitlines()]


def queries() -> list[str]:
    """Returns every query of Logs Insights, of blocks and of sentences."""
    blocks = "\n".join(block.text for block in read_blocks(PAGE) if block.language == "text")
    lines = [line for line in blocks.splitlines() if line.startswith("filter ")]
    return lines + [found for found in re.findall(r"`(filter [^`]+)`", TEXT) if found not in lines]


def fields_of(query: str) -> set[str]:
    """Returns the fields that a query names, without CloudWatch's own (@...) and the names that it gives itself."""
    query = re.sub(r'"[^"]*"', "", query)
    given = set(re.findall(r"\bas (\w+)", query))
    named = set(re.findall(r"(?<![\w@])([A-Za-z_]\w*)\b(?!\()", re.sub(r"@\w+", "", query)))
    # A period of time: bin(1d).
    return named - given - _COMMANDS


def examples() -> list[str]:
    """Returns the lines of the log that the document shows."""
    return [block.text for block in read_blocks(PAGE) if block.language == "json"]


def named() -> Iterator[str]:
    """Gives what stands between backticks, once each."""
    outside = re.sub(r"^```.*?^```$", "", TEXT, flags=re.M | re.S)
    yield from dict.fromkeys(re.findall(r"`([^`]+)`", outside))
