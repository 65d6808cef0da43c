"""The formats of a corpus file, and how a file's format is recognised."""

from __future__ import annotations

import codecs
from pathlib import PurePath

from export.corpus.corpus_file import PARQUET_MAGIC, CorpusFile
from export.corpus.places import beside
from handler.errors import CorpusError

FORMATS = ("csv", "tsv", "jsonl", "txt", "parquet")
# Those whose values are all strings, so that a number is written as one.
TEXT_FORMATS = ("csv", "tsv")

_SUFFIXES = {f".{name}": name for name in FORMATS} | {".ndjson": "jsonl"}


def detect_format(source: CorpusFile, path: str, *, alone: bool = True) -> str:
    """Returns the format that the name's suffix says, or else the one that the first bytes say.

    Not `alone`: it is a file of a folder or a pattern.

    Raises:
        CorpusError: neither of them says a format.
    """
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    if suffixes and suffixes[-1] in _SUFFIXES:
        return _SUFFIXES[suffixes[-1]]
    start = source.head.removeprefix(codecs.BOM_UTF8).lstrip()
    if source.head.startswith(PARQUET_MAGIC):
        return "parquet"
    if start.startswith(b"{"):
        return "jsonl"
    if start.startswith(b"[") and suffixes[-1:] == [".json"]:
        raise CorpusError(
            f"{source.name} starts with '[', a JSON array: write one object per line "
            f"(jq -c '.[]' {path} > corpus.jsonl)"
        )
    if not start:
        raise CorpusError(f"{source.name} is empty: check what was meant to be in it")
    source.check_text()
    remedy = f"give --format {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    if not alone:
        pattern = beside(path, "*.csv")
        remedy = f"move it away, or leave it out by a pattern such as --corpus '{pattern}'"
    raise CorpusError(f"{source.name}: neither name nor content tells the format: {remedy}")
