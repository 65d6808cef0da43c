"""The Terraform module under Terraform, with moto for AWS: what tests/test_terraform*.py share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloudformation import TEMPLATE
from deployed import STACK
from lambda_tools import NO_AWS, ROOT
from servers import moto_server

from dev.template import read_parameters

MODULE = ROOT / "deploy" / "terraform"
PARAMETERS = {parameter.name: parameter for parameter in read_parameters(TEMPLATE)}
COPY = "a copy of the module"
NO_PROVIDER = ("Failed to query available provider packages", "Failed to install provider")


@dataclass(frozen=True, slots=True)
class Terraform:
    """A folder with a root module that has the module once for each set; and an environment that leads to moto."""

    folder: Path
    environ: dict[str, str]

    def write(self, modules: Mapping[str, Any], region: str = "us-east-1") -> None:
        """Writes the root module, with these instances of the module."""
        provider = {"region": region, "skip_credentials_validation": True, "s3_use_path_style": True}
        main = {"module": modules, "provider": {"aws": provider}}
        (self.folder / "main.tf.json").write_text(json.dumps(main))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True)

    def show(self, *arguments: str) -> dict[str, list[dict[str, Any]]]:
        """Set -> the resources of its instance."""
        done = subprocess.run(
            ["terraform", "show", "-json", *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        shown = json.loads(done.stdout)
        modules = (shown.get("planned_values") or shown["values"])["root_module"]["child_modules"]
        return {module["address"].removeprefix("module."): module["resources"] for module in modules}


def variables(values: Mapping[str, str]) -> dict[str, Any]:
    """A set as the module's variables, in their types."""

    def typed(default: object, value: str) -> object:
        return value.split(",") if isinstance(default, tuple) else type(default)(value)  # type: ignore[call-arg]

    return {PARAMETERS[name].field: typed(PARAMETERS[name].default, value) for name, value in values.items()}


@contextmanager
def initialised(folder: Path, modules: Mapping[str, Any], **more: str) -> Iterator[Terraform]:
    """A root module with some instances of the module, after `terraform init`."""
    if shutil.which("terraform") is None:
        pytest.skip("needs terraform on PATH")
    terraform = Terraform(folder, {**os.environ, **NO_AWS, "CHECKPOINT_DISABLE": "1", **more})
    terraform.write(modules)
    done = terraform.run("init")
    if any(problem in done.stderr for problem in NO_PROVIDER):
        pytest.skip("terraform finds no provider hashicorp/aws: it has neither its registry nor a mirror")
    assert done.returncode == 0, done.stderr
    yield terraform


@contextmanager
def terraform_with_moto(folder: Path, sets: Mapping[str, Mapping[str, str]]) -> Iterator[Terraform]:
    """The module for every set, with empty archives, and moto for AWS."""
    # As in a clone in such a folder; a copy, since Terraform follows a link.
    shutil.copytree(MODULE, folder / COPY)
    for name in ("SearchFunction", "RuntimeLayer", "ModelLayer"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(name, "")
    # The AWS CLI's place: a new function's alias has its version already.
    (folder / "bin").mkdir()
    (folder / "bin" / "aws").write_text("#!/bin/sh\necho 1\n")
    (folder / "bin" / "aws").chmod(0o755)
    with moto_server(folder, MOTO_IAM_LOAD_MANAGED_POLICIES="true") as cloud:
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        cloud.pop("AWS_ENDPOINT_URL_STS")
        more = {**cloud, "AWS_ENDPOINT_URL_STS": cloud["AWS_ENDPOINT_URL"], "PATH": path}
        with initialised(folder, instances(folder, sets), **more) as ready:
            yield ready


def instances(folder: Path, sets: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The module once for each set, over the archives of the folder."""
    return {
        name: {
            "source": str(folder / COPY),
            "name": f"{STACK}-{name}",
            "archives": str(folder),
            **variables(values),
        }
        for name, values in sets.items()
    }
