"""The workflows: pinned, with few rights, and nothing unhashed where a role of AWS may be taken."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from lambda_tools import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_pin_actions_by_commit_and_ask_for_little(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses
    for action, comment in uses:
        assert action.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert action.startswith("./") or re.fullmatch(r"\s+# v[\d.]+", comment), (
            f"{action}: of which version?"
        )
    assert workflow["permissions"] == {"contents": "read"}
    assert not re.search(r"AWS_(SECRET_)?ACCESS_KEY", text), "no long-lived keys"


def test_workflows_run_make_targets_that_exist() -> None:
    makefiles = [ROOT / "Makefile", *(ROOT / "mk").glob("*.mk")]
    targets = set(
        re.findall(
            r"^([a-z][a-z-]*):",
            "\n".join(path.read_text(encoding="utf-8") for path in makefiles),
            re.MULTILINE,
        )
    )
    assert len(WORKFLOWS) == 2
    for path in WORKFLOWS:
        named = set(
            re.findall(r"^\s*(?:- )?(?:run: )?make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert named
        assert named <= targets, path


def test_what_ci_runs_runs_on_github_too() -> None:
    def named(path: Path) -> set[str]:
        text = path.read_text(encoding="utf-8")
        found = set(re.findall(r"^\s*(?:- run: )?make ([a-z-]+)", text, re.MULTILINE))
        # An environment is set up by the target that needs it, too.
        return {target for target in found if not target.endswith("-setup")}

    script, workflow = named(ROOT / ".ci" / "run"), named(ROOT / ".github" / "workflows" / "ci.yml")
    assert {"test", "check"} <= script <= workflow


# --- where a role of AWS may be taken


def privileged() -> dict[str, dict[str, Any]]:
    """Every job that may ask for an identity token, as "workflow job"."""
    found = {}
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, job in workflow["jobs"].items():
            if {**workflow["permissions"], **job.get("permissions", {})}.get("id-token") == "write":
                found[f"{path.stem} {name}"] = job
    return found


def test_only_main_may_take_a_role() -> None:
    jobs = privileged()
    assert set(jobs) == {"deploy dev", "deploy prod"}
    for name, job in jobs.items():
        # workflow_dispatch can be started on any branch.
        assert job["if"] == "github.ref == 'refs/heads/main'", name
        # Whose branch rule holds for an edited workflow too.
        assert job["environment"] == name.split()[1]


def test_what_is_installed_beside_a_role_is_installed_by_hash() -> None:
    for name, job in privileged().items():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert runs == ["make sam-setup", "tar -xzf build.tgz", "make deploy-built", "make smoke"], name
        for target in re.findall(r"make ([a-z-]+)", "\n".join(runs)):
            # All that the target and what it depends on would run, made anew.
            done = subprocess.run(
                ["make", "--dry-run", "--always-make", target],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            installs = [line for line in done.stdout.splitlines() if "pip install" in line]
            assert installs, target
            for line in installs:
                assert {"--require-hashes", "--no-deps", "requirements-sam.txt"} <= set(line.split()), line
                assert "--only-binary :all:" in line, (
                    "a source distribution's build requirements have no hashes"
                )


@pytest.mark.parametrize("name", [path.name for path in sorted(ROOT.glob("requirements*.txt"))])
def test_every_requirement_is_pinned_by_version_and_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", "").splitlines() if not line.startswith("#")]
    assert len(lines) > (0 if name in ("requirements-torch.txt", "requirements-torch-cpu.txt") else 10)
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==\S+(\s+--hash=sha256:[0-9a-f]{64})+\s*", line), line


def test_new_hashes_keep_the_pins_and_the_comments(tmp_path: Path) -> None:
    # In uv's place: the pins that it gets, and a hash for each.
    uv = tmp_path / "uv"
    uv.write_text(
        '#!/bin/sh\nwhile read -r pin || [ -n "$pin" ]; do echo "$pin \\\\"; echo "    --hash=sha256:new"; done\n'
    )
    uv.chmod(0o755)
    path = tmp_path / "requirements.txt"
    path.write_text("# why\na-b==1.0 \\\n    --hash=sha256:old \\\n    --hash=sha256:older\nC_d==2\n")
    command = [sys.executable, "-m", "dev.hashes", "--uv", str(uv), str(path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert path.read_text() == "# why\na-b==1.0 \\\n    --hash=sha256:new\nC_d==2 \\\n    --hash=sha256:new\n"
    uv.write_text("#!/bin/sh\necho 'no version of C_d==2' >&2; exit 1\n")
    before = path.read_text()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no version of C_d==2" in done.stderr
    assert path.read_text() == before
    # An index without hashes.
    uv.write_text("#!/bin/sh\ncat\n")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "the index has no hashes" in done.stderr
    assert path.read_text() == before
