"""Chooses the keywords' share by an evaluation, and writes it into the manifest.

Only manifest.json changes. Its `inputs_sha256` stays: the next export of the same inputs finds the artifact up to date,
and keeps the share. An export of other inputs writes its own share.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from handler.artifact import parse_manifest
from handler.errors import EvaluationError
from handler.manifest import MANIFEST_FILE
from seeklet.evaluation.results import KEYWORD, Evaluation
from seeklet.evaluation.statistics import LEAST_QUERIES, surely_gained


class Choice(NamedTuple):
    """A share to use, and why in one sentence; None keeps the present one."""

    share: float | None
    why: str


def choose(evaluation: Evaluation) -> Choice:
    """Chooses the share of the highest nDCG@10, where it beats the present one beyond chance."""
    present = evaluation.present
    if present is None:
        return Choice(None, "nothing is chosen: the artifact has no keywords")
    if evaluation.queries < LEAST_QUERIES:
        return Choice(
            None,
            f"the share stays {present:g}: {evaluation.queries} queries are too few to choose by, "
            f"at least {LEAST_QUERIES} are needed",
        )
    shares = [line.share for line in evaluation.lines if line.mode != KEYWORD]
    ndcg = evaluation.ndcg[:, : len(shares)]
    differences = ndcg - ndcg[:, [shares.index(present)]]
    best = int(differences.mean(0).argmax())
    if shares[best] == present:
        return Choice(None, f"the share stays {present:g}: no other has a higher nDCG@10")
    gain, sure = float(differences[:, best].mean()), float(surely_gained(differences)[best])
    if not sure > 0:
        return Choice(
            None,
            f"the share stays {present:g}: {shares[best]:g} is best here by {gain:.4f} nDCG@10, "
            f"which may be chance among {len(shares)} shares and {evaluation.queries} queries",
        )
    return Choice(
        shares[best],
        f"the share becomes {shares[best]:g}: it gains {gain:.4f} nDCG@10 over {present:g}, "
        f"at least {sure:.4f} beyond chance (the export of a changed corpus needs --share {shares[best]:g})",
    )


def apply_choice(evaluation: Evaluation) -> tuple[Evaluation, Choice]:
    """Chooses, and writes a chosen share into the manifest; the evaluation that is returned has it as `saved`."""
    choice = choose(evaluation)
    if choice.share is None or evaluation.present is None:
        return evaluation, choice
    save_share(Path(evaluation.artifact), choice.share, evaluation.present)
    return replace(evaluation, saved=choice.share), choice


def save_share(directory: Path, share: float, present: float) -> None:
    """Replaces the share in the manifest, at once or not at all.

    Raises EvaluationError where the manifest has changed since `present` was read, or can't be written.
    """
    path = directory / MANIFEST_FILE
    try:
        manifest = parse_manifest(path.read_bytes(), str(path))
        if manifest.keywords is None or manifest.keywords["share"] != present:
            raise EvaluationError(f"{path} has changed since it was read: evaluate again")
        data = manifest._replace(keywords={**manifest.keywords, "share": share}).to_json()
        # Checked first: the file stays as it is where this can't be loaded.
        parse_manifest(data, str(path))
        _replace(path, data)
    except OSError as error:
        raise EvaluationError(
            f"{path} can't be written ({error.strerror}): mend its permissions, or leave out --choose"
        ) from None


def _replace(path: Path, data: bytes) -> None:
    """Replaces a file at once; its mode stays."""
    # Killed meanwhile, it leaves a file in the artifact, which export/build/own_files.py knows by its name.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".manifest.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), path.stat().st_mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
