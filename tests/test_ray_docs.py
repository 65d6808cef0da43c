"""The recipes of docs/ray.md: the YAML is read, and Ray's own schema accepts the one for `ray up`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from documents import ROOT, read_blocks

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


@pytest.mark.scale
def test_ray_accepts_the_cluster() -> None:
    import ray.autoscaler
    from jsonschema import validate  # type: ignore[import-untyped]

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    validate(documents("cluster.yaml")[0], schema)
