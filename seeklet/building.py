"""`export` and `verify` for use from Python. They do what the commands of these names do.

The export package is imported when they are called, so that `import seeklet` stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.threads import threads_or_cpus
from seeklet.engines import choose_engine
from seeklet.extras import require

if TYPE_CHECKING:
    from export.build.gate import Thresholds
    from export.build.pipeline import Summary


def export(
    corpus: str | PathLike[str],
    out: str | PathLike[str],
    *,
    text: Sequence[str],
    id: str | None = None,  # noqa: A002 - the option's name
    metadata: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    format: str | None = None,  # noqa: A002 - the option's name
    model: str | None = None,
    revision: str | None = None,
    sha256: str | None = None,
    pooling: str | None = None,
    max_length: int | None = None,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    document_model: str | None = None,
    document_revision: str | None = None,
    dim: int | None = None,
    passages: bool = False,
    passage_tokens: int | None = None,
    passage_overlap: int | None = None,
    dtype: str | None = None,
    keywords: bool = True,
    language: str | None = None,
    share: float | None = None,
    map: str | None = None,  # noqa: A002 - the option's name
    threads: int | None = None,
    engine: str = "local",
    ray_address: str | None = None,
    ray_workers: int | None = None,
    ray_shards: str | None = None,
    force: bool = False,
    check: bool = True,
    min_cosine_mean: float | None = None,
    min_cosine_least: float | None = None,
    min_overlap: float | None = None,
    progress: bool = False,
) -> Summary:
    """Turns a corpus and a sentence-transformer into an artifact: one folder that a Searcher loads.

    Needs `pip install "seeklet[export]"`. After an interruption, the same call continues. After a change of
    the corpus it embeds only the new texts.

        >>> import seeklet
        >>> summary = seeklet.export("papers.csv", "artifact", text=["title", "abstract"], id="doi")
        >>> summary.manifest.count
        3

    Args:
        corpus: a CSV, TSV, JSON Lines, plain text or Parquet file, each also gzipped; a folder or a pattern of files of
            one format, or an s3:// URI of either; "-" is standard input.
        out: the artifact's folder; an existing artifact is replaced.
        text: the columns of the text, joined by a space.
        id: the column of unique ids; without it the row's number, from 1.
        metadata: columns to keep, to return with each hit, and to filter by.
        columns: the types by which columns of the metadata are filtered, such as {"year": "number"}: "string", "number",
            "boolean", "date" or "strings", or "none" for no filters; without it found in the columns' values.
        format: "csv", "tsv", "jsonl", "txt" or "parquet"; without it the file's name tells it.
        model: a sentence-transformer's folder or hub id; without it all-MiniLM-L6-v2.
        revision: a hub id's branch, tag or commit.
        sha256: SHA-256 of the model's weights; other weights are refused.
        pooling: "mean", "max" or "cls"; without it the model's own. A document model always has its own.
        max_length: tokens at which a text is cut, query or document; without it each model's own.
        query_prompt: words before each query; without it the model's own.
        document_prompt: words before each document; without it the model's own.
        document_model: a folder or hub id of another model of the same dimensions, which embeds the documents.
        document_revision: the document model's branch, tag or commit.
        dim: how many of each vector's first dimensions are kept; without it the model's own.
        passages: whether long texts are cut into passages, and not cut off. A document is then found by its best one.
        passage_tokens: the most tokens of a passage; without it 128, or as many as the model reads.
        passage_overlap: the most tokens that a passage shares with the one before; without it 32, or a quarter of them.
        dtype: the type of the stored embeddings: "int8", "float16" or "float32"; without it int8.
        keywords: whether to write the keyword index, which the modes "hybrid" and "keyword" need.
        language: the language of the texts, such as "en"; without it found from the corpus.
        share: the keywords' share of a hybrid score, 0 to 1; without it 0.5.
        map: how documents get their places on the map: "pca", "umap" (needs `pip install "seeklet[umap]"`) or "none";
            without it "pca".
        threads: how many texts are embedded at once; without it one on each CPU.
        engine: "local" embeds in this process, "ray" on a Ray cluster (needs `pip install "seeklet[export,ray]"`). The
            artifact has the same bytes.
        ray_address: host:port of the head of a running cluster; without it Ray is started on this machine.
        ray_workers: how many workers embed; without it one for each CPU.
        ray_shards: a folder that all machines share, or an s3:// URI, for work in progress; without it beside `out`.
        force: whether to embed everything again.
        check: whether to compare the int8 model with fp32 before the artifact is written.
        min_cosine_mean: the least mean cosine of int8 and fp32 that is accepted.
        min_cosine_least: the least cosine of int8 and fp32 that is accepted.
        min_overlap: the least share of fp32's top 10 in int8's that is accepted.
        progress: whether to show progress on standard error.

    Returns:
        The artifact's manifest, how many texts were embedded, whether the artifact was up to date, the seconds, the
        metadata that make no column, and what the export warns of.

    Raises:
        OptionError: an option has a value that can't be used, or needs one that isn't given.
        CorpusError: the corpus can't be read as asked.
        ModelError: the model is missing, damaged, or can't be reproduced faithfully.
        OutputError: the artifact can't be written there.
        EngineError: the Ray cluster can't be reached, or one of its workers fails.
        VerifyError: the artifact is less faithful than asked.
        SeekletError: the packages of the extra `export`, or `ray`, aren't installed.
    """
    require("export", "export")
    from export.build.options import BuildOptions
    from export.build.pipeline import build
    from export.build.progress import Progress
    from export.build.vectors import DEFAULT_DTYPE
    from export.build.write_map import DEFAULT_METHOD
    from handler.postings import SHARE

    options = BuildOptions(
        corpus=fspath(corpus),
        text=_names("text", text),
        out=Path(out),
        id=id,
        metadata=_names("metadata", metadata),
        columns=dict(columns or {}),
        format=format,
        model=model,
        revision=revision,
        sha256=sha256,
        pooling=pooling,
        max_length=max_length,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        document_model=document_model,
        document_revision=document_revision,
        dim=dim,
        passages=passages,
        passage_tokens=passage_tokens,
        passage_overlap=passage_overlap,
        dtype=dtype or DEFAULT_DTYPE,
        keywords=keywords,
        language=language,
        share=SHARE if share is None else share,
        map=map or DEFAULT_METHOD,
        threads=threads_or_cpus(threads),
        force=force,
        thresholds=_thresholds(min_cosine_mean, min_cosine_least, min_overlap) if check else None,
    )
    shown = Progress(quiet=not progress)
    chosen = choose_engine(engine, shown, address=ray_address, workers=ray_workers, shards=ray_shards)
    with closing(chosen) if chosen else nullcontext():
        return build(options, shown, engine=chosen)


def verify(
    artifact: str | PathLike[str],
    *,
    model: str | None = None,
    revision: str | None = None,
    document_model: str | None = None,
    document_revision: str | None = None,
    threads: int | None = None,
    min_cosine_mean: float | None = None,
    min_cosine_least: float | None = None,
    min_overlap: float | None = None,
) -> dict[str, Any]:
    """Checks an artifact: every file against its SHA-256 and for its content, and int8 against the fp32 model.

    Needs `pip install "seeklet[export]"`, and the model that the artifact was made from.

        >>> import seeklet
        >>> figures = seeklet.verify("artifact")
        >>> figures["cosine_mean"] > 0.99
        True

    Args:
        artifact: the artifact's folder.
        model: the model it was made from; without it the one that the manifest names.
        revision: a hub id's branch, tag or commit.
        document_model: the model that embedded the documents, where it is another one; without it the manifest's.
        document_revision: the document model's branch, tag or commit.
        threads: how many texts are embedded at once; without it one on each CPU.
        min_cosine_mean: the least mean cosine of int8 and fp32 that is accepted.
        min_cosine_least: the least cosine of int8 and fp32 that is accepted.
        min_overlap: the least share of fp32's top 10 in int8's that is accepted.

    Returns:
        The figures by name: how many documents and queries were compared, cosine_mean, cosine_least, overlap and
        stored_least (docs/artifact-format.md explains them).

    Raises:
        ArtifactError: a file is missing or damaged.
        ModelError: the model isn't the one that the artifact came from.
        VerifyError: the artifact is less faithful than asked.
        ValueError: `threads` is less than 1.
        SeekletError: the packages of the extra `export` aren't installed.
    """
    require("export", "verify")
    from export.build.gate import verify_artifact

    figures = verify_artifact(
        Path(artifact), model, revision, threads_or_cpus(threads), document_model, document_revision
    )
    _thresholds(min_cosine_mean, min_cosine_least, min_overlap).check(figures)
    return figures


def _names(parameter: str, names: Sequence[str]) -> list[str]:
    if isinstance(names, str):
        raise TypeError(f"{parameter} takes a sequence of column names: put {names!r} in a list")
    return list(names)


def _thresholds(mean: float | None, least: float | None, overlap: float | None) -> Thresholds:
    from export.build.gate import Thresholds

    default = Thresholds()
    return Thresholds(
        default.cosine_mean if mean is None else mean,
        default.cosine_least if least is None else least,
        default.overlap if overlap is None else overlap,
    )
