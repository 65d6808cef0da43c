"""The default model in int8 on the large corpora, where `--data` gives them: as good as fp32, and exact in its search."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from http_events import EVENTS, ROOT
from scipy.stats import spearmanr

from benchmarks.artifacts import load_embeddings
from benchmarks.datasets import read_pairs
from export.build.options import BuildOptions
from export.build.pipeline import build
from export.build.progress import Progress
from export.model.places import default_folder
from handler.encoder import Encoder
from handler.searcher import Searcher

HEADLINES = 6000


@pytest.fixture(scope="module")
def headlines(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first headlines of the large corpus, as they come: a gzipped CSV."""
    folder = tmp_path_factory.mktemp("headlines")
    with gzip.open(data / "headlines" / "abcnews_74k.csv.gz") as file:
        lines = file.read().splitlines(keepends=True)[: HEADLINES + 1]
    (folder / "headlines.csv.gz").write_bytes(gzip.compress(b"".join(lines)))
    options = BuildOptions(
        corpus=str(folder / "headlines.csv.gz"), text=["headline_text"], out=folder / "artifact", threads=2
    )
    build(options, Progress(quiet=True))
    return folder / "artifact"


def test_similarity_as_people_judge_it(data: Path, artifact: Path) -> None:
    """STS-B's Spearman correlation beside sentence-transformers', on every sixth pair."""
    from sentence_transformers import SentenceTransformer

    pairs = read_pairs(data / "stsb_test.tsv")
    sides, human = [pairs.first[::6], pairs.second[::6]], pairs.human[::6]
    encoder = Encoder.load(artifact)
    peer = SentenceTransformer(str(default_folder()), device="cpu")
    ours = np.vecdot(*(encoder.encode(texts) for texts in sides))
    theirs = np.vecdot(*(peer.encode(texts, normalize_embeddings=True) for texts in sides))
    assert spearmanr(ours, human).statistic >= spearmanr(theirs, human).statistic - 0.005
    assert np.abs(ours - theirs).max() < 0.05


def test_the_scan_finds_what_a_full_sort_finds(headlines: Path) -> None:
    """Over a corpus that is large enough for the scan: ids and order of float64's full sort."""
    searcher = Searcher.load(headlines)
    count = searcher.manifest.count
    rows = load_embeddings(headlines).values(0, count)
    queries = [searcher.local.documents[row].text.split(" ", 1)[-1] for row in range(0, HEADLINES, 97)]
    scores = searcher.encoder.encode(queries).astype(np.float64) @ rows.T
    for query, row in zip(queries, scores, strict=True):
        hits = searcher.search(query, 10, "semantic")
        wanted = np.argsort(-row, kind="stable")[:10]
        # Only scores nearer than float32 tells apart may change places.
        assert np.abs(row[[hit.index for hit in hits]] - row[wanted]).max() < 1e-6


def test_the_article_s_form_on_its_headlines(headlines: Path) -> None:
    """In a process of its own, as Lambda starts it."""
    event = {**EVENTS["similar"], "body": '{"text": "europe climate change storm", "num_results": 3}'}
    script = (
        "import json, sys, handler.app; print(json.dumps(handler.app.handler(json.load(sys.stdin), None)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(headlines)},
        input=json.dumps({**event, "isBase64Encoded": False}),
        capture_output=True,
        text=True,
        check=True,
    )
    body = json.loads(json.loads(done.stdout)["body"])
    assert body["text"] == [
        f"Item:{hit['text']} (index: {hit['index']} score:{hit['score']})" for hit in body["results"]
    ]
    with gzip.open(headlines.parent / "headlines.csv.gz", "rt", encoding="utf-8", newline="") as file:
        lines = [row["headline_text"] for row in csv.DictReader(file)]
    assert [lines[hit["index"]] for hit in body["results"]] == [hit["text"] for hit in body["results"]]
