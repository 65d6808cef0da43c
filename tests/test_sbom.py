"""The list of what is shipped: whole, by its locks, and as CycloneDX's schema has it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lambda_tools import ROOT, run_build, target

from dev.supply.packages import Package, read_lock

pytestmark = pytest.mark.supply

A = Package("a", "1.0", ("0" * 64,), {"License": "MIT", "Summary": "One."}, (), ("b",))
B = Package("b", "2.0", ("1" * 64, "2" * 64), {"License-Expression": "MIT OR MPL-2.0"}, (), (), optional=True)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both lists, as the command writes them."""
    folder = tmp_path_factory.mktemp("sbom")
    run_build("--target", target(), "--engine", "postgresql", "--out", str(folder))
    command = [sys.executable, "-m", "dev.supply.sbom", "--target", target(), "--out", str(folder / "out")]
    done = subprocess.run(
        [*command, "--layer", str(folder / "python")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (folder / "out").iterdir()}


def test_the_functions_list_is_its_locks(lists: dict[str, Any]) -> None:
    runtime = ROOT / "layers" / "runtime"
    always, engine = (
        read_lock(runtime / name) for name in (f"{target()}/requirements.txt", "postgresql.txt")
    )
    components = {one["name"]: one for one in lists["sbom"]["components"]}
    assert components.keys() == always.keys() | engine.keys()
    for name, (version, hashes) in (always | engine).items():
        one = components[name]
        assert (one["version"], one["purl"]) == (version, f"pkg:pypi/{name}@{version}")
        assert one["hashes"] == [{"alg": "SHA-256", "content": hashes[0]}]
        assert one["licenses"]
        assert one["scope"] == ("required" if name in always else "optional")


def test_the_exports_list_has_hashes_of_all_but_torch(lists: dict[str, Any]) -> None:
    components = lists["sbom-export"]["components"]
    without = {one["name"] for one in components if "hashes" not in one and "externalReferences" not in one}
    # Its build differs from machine to machine.
    assert without <= {"torch"}
    assert all(one["licenses"] and one["purl"].startswith("pkg:pypi/") for one in components)
    pins = read_lock(ROOT / "requirements.txt")
    for one in components:
        if "hashes" not in one and one["name"] in pins:
            (files,) = one["externalReferences"]
            assert {entry["content"] for entry in files["hashes"]} == set(pins[one["name"]][1])


@pytest.mark.parametrize("name", ["sbom", "sbom-export"])
def test_what_needs_what_leads_from_the_product_to_every_package(lists: dict[str, Any], name: str) -> None:
    product = lists[name]["metadata"]["component"]["bom-ref"]
    needs = {one["ref"]: one.get("dependsOn", []) for one in lists[name]["dependencies"]}
    reached, waiting = set(), [product]
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += needs[one]
    assert reached - {product} == {one["bom-ref"] for one in lists[name]["components"]}


def test_a_list_by_hand() -> None:
    from dev.supply.sbom import make, to_json

    found = json.loads(to_json(make("product", [A, B])))
    first, second = found["components"]
    assert first["licenses"] == [{"license": {"id": "MIT"}}]
    assert first["description"] == "One."
    assert second["licenses"] == [{"expression": "MIT OR MPL-2.0"}]
    assert "hashes" not in second
    assert [entry["content"] for entry in second["externalReferences"][0]["hashes"]] == list(B.hashes)
    assert {one["ref"]: one.get("dependsOn") for one in found["dependencies"]} == {
        "product": ["pkg:pypi/a@1.0"],
        "pkg:pypi/a@1.0": ["pkg:pypi/b@2.0"],
        "pkg:pypi/b@2.0": None,
    }


def test_a_list_that_the_schema_refuses_is_not_written() -> None:
    from cyclonedx.model.license import DisjunctiveLicense

    from dev.supply.sbom import make, to_json

    bom = make("product", [A, B])
    next(iter(bom.components)).licenses = [DisjunctiveLicense(id="Nobodys-1.0")]
    with pytest.raises(ValueError, match="CycloneDX's schema refuses the list"):
        to_json(bom)


def test_a_layer_of_another_lock_has_no_list(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dev.supply.sbom", "--target", target(), "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--layer", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "has other packages than its locks" in done.stderr
    assert not (tmp_path / "out").exists()
