"""The recipes of docs/ray.md: the YAML is read, and Ray's own schema accepts the one for `ray up`."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from documents import ROOT, read_blocks

from handler import __version__
from seeklet.commands.export import build_parser

PAGE = ROOT / "docs" / "ray.md"


def documents(title: str) -> list[Any]:
    """The YAML documents of the block whose first line names the file."""
    (block,) = [b for b in read_blocks(PAGE) if b.language == "yaml" and b.text.startswith(f"# {title}\n")]
    return list(yaml.safe_load_all(block.text))


def export_options(command: str) -> Any:
    """The options of the export in a shell command, parsed as the command would."""
    words = shlex.split(command)
    if "bash" in words:
        words = shlex.split(words[words.index("-c") + 1])
    words = words[words.index("export") + 1 :]
    return build_parser().parse_args(words[: words.index("&&")] if "&&" in words else words)


def test_the_job_for_kubernetes() -> None:
    claim, job = documents("export.yaml")
    assert (claim["kind"], job["kind"], job["apiVersion"]) == ("PersistentVolumeClaim", "RayJob", "ray.io/v1")
    options = export_options(job["spec"]["entrypoint"])
    cluster = job["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    head = cluster["headGroupSpec"]["template"]["spec"]
    assert options.engine == "ray"
    assert options.ray_workers == group["replicas"] * int(container["resources"]["limits"]["cpu"])
    assert options.out.is_relative_to(head["containers"][0]["volumeMounts"][0]["mountPath"])
    assert head["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert head["containers"][0]["image"] == container["image"]


def test_the_cluster_of_ec2() -> None:
    (cluster,) = documents("cluster.yaml")
    assert cluster["head_node_type"] in cluster["available_node_types"]
    (block,) = [b for b in read_blocks(PAGE) if b.text.startswith("ray up")]
    (line,) = [line for line in block.text.splitlines() if "--engine ray" in line]
    options = export_options(shlex.split(line)[-1])
    # A c7i.2xlarge has 8 CPUs.
    assert options.ray_workers == 8 * cluster["available_node_types"]["encoder"]["min_workers"]


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    (block,) = [b for b in read_blocks(PAGE) if b.text.startswith("FROM rayproject/")]
    (line,) = [line for line in block.text.splitlines() if line.startswith("COPY ")]
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert sent[0] == "*"
    assert {f"!{source}" for source in line.split()[1:-1]} <= set(sent)


def test_the_images_are_of_this_version() -> None:
    found = re.findall(r"/seeklet-ray:(\S+)", PAGE.read_text(encoding="utf-8"))
    assert len(found) >= 4
    assert set(found) == {__version__}


def test_one_wheel_is_there_for_the_image(tmp_path: Path) -> None:
    for name in ("Makefile", "mk"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "dist").mkdir()
    for name in ("seeklet-0.0.1-py3-none-any.whl", "seeklet-0.0.1.tar.gz", "others-1.tar.gz"):
        (tmp_path / "dist" / name).touch()
    # What builds does nothing here.
    subprocess.run(["make", "package", "--assume-old=test-setup", "PY=true"], cwd=tmp_path, check=True)
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["others-1.tar.gz"]


@pytest.mark.scale
def test_ray_accepts_the_cluster() -> None:
    import ray.autoscaler
    from jsonschema import validate  # type: ignore[import-untyped]

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    validate(documents("cluster.yaml")[0], schema)
