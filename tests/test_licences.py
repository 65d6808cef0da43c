"""Licences of what is shipped: the real packages', and made-up ones that must not pass."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from lambda_tools import ROOT, run_build, target

from dev.supply import licences
from dev.supply.licences import Policy, check, check_bundled, licence_of, outdated, page
from dev.supply.packages import (
    Package,
    export_packages,
    function_packages,
    locks,
    main_environment,
    read_lock,
)

pytestmark = pytest.mark.supply

ODD = Package("odd", "1.0", (), {}, (), ())


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime layer with every package that may be in it."""
    out = tmp_path_factory.mktemp("layer")
    run_build("--target", target(), "--engine", "postgresql", "--out", str(out))
    return out / "python"


@pytest.fixture
def policy() -> Policy:
    return Policy.load()


def test_every_package_has_an_allowed_licence(layer: Path, policy: Policy) -> None:
    function, export = function_packages(layer, target()), export_packages(main_environment())
    assert check(function, policy, policy.allowed) == []
    assert check(export, policy, policy.allowed | policy.export) == []
    assert check_bundled(layer, policy) == []
    assert outdated([*function, *export], layer, policy) == []
    assert {"numpy", "onnxruntime", "pg8000"} <= {package.name for package in function}
    assert {"torch", "transformers", "uvicorn", "botocore"} <= {package.name for package in export}


def test_the_page_is_made_from_them(layer: Path, policy: Policy) -> None:
    made = page(function_packages(layer, target()), layer, policy)
    assert licences.PAGE.read_text(encoding="utf-8") == made, "run `make licences-page`"


def test_no_licence_asks_for_our_source(policy: Policy) -> None:
    names = [*policy.allowed, *policy.export, *policy.spelled.values()]
    names += [said["licence"] for said in policy.said.values()]
    assert not [name for name in names if re.search(r"GPL|SSPL|BUSL|NC", name)]
    # Of GCC's own libraries, which an exception or a shared library lets through.
    copyleft = {name: entry["licence"] for name, entry in policy.bundled.items() if "GPL" in entry["licence"]}
    assert copyleft == {
        "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
        "libquadmath": "LGPL-2.1-or-later",
    }
    assert all(policy.allowed.values())
    assert all(policy.export.values())


@pytest.mark.parametrize(
    ("expression", "function", "export"),
    [
        ("MIT", True, True),
        ("mit", True, True),
        ("MIT AND (0BSD OR GPL-3.0-only)", True, True),
        ("GPL-3.0-only OR MIT", True, True),
        ("MIT AND GPL-3.0-only", False, False),
        ("GPL-3.0-only", False, False),
        ("AGPL-3.0-or-later", False, False),
        ("LGPL-2.1-or-later", False, False),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False, False),
        ("Apache-2.0 WITH LLVM-exception", False, True),
        ("MPL-2.0 AND MIT", False, True),
        ("MPL-2.0 OR GPL-2.0-only", False, True),
        ("BUSL-1.1", False, False),
    ],
)
def test_a_licence_is_allowed_here_or_there(
    policy: Policy, expression: str, function: bool, export: bool
) -> None:
    package = replace(ODD, metadata={"License-Expression": expression})
    assert (check([package], policy, policy.allowed) == []) is function
    assert (check([package], policy, policy.allowed | policy.export) == []) is export
    if not function:
        (problem,) = check([package], policy, policy.allowed)
        assert problem.startswith("odd 1.0 has the licence ")


@pytest.mark.parametrize(
    ("metadata", "classifiers", "licence"),
    [
        ({"License-Expression": "MIT", "License": "GPL"}, (), "MIT"),
        ({"License": "BSD-3-Clause"}, (), "BSD-3-Clause"),
        ({"License": "Apache 2.0"}, (), "Apache-2.0"),
        ({}, ("License :: OSI Approved :: MIT License",), "MIT"),
        (
            {"License": "A long text, of which nothing is known"},
            ("License :: OSI Approved :: MIT License",),
            "MIT",
        ),
    ],
)
def test_a_licence_is_read_from_metadata_of_every_form(
    policy: Policy, metadata: dict[str, str], classifiers: tuple[str, ...], licence: str
) -> None:
    assert licence_of(replace(ODD, metadata=metadata, classifiers=classifiers), policy) == licence


@pytest.mark.parametrize(
    ("metadata", "classifiers", "told"),
    [
        ({}, (), "nothing"),
        ({}, ("Topic :: Software Development",), "nothing"),
        ({"License": "BSD"}, ("License :: OSI Approved :: BSD License",), "'BSD', 'License :: OSI"),
        ({"License": "see LICENSE"}, (), "'see LICENSE'"),
        ({"License-Expression": "MIT AND Nobodys-1.0"}, (), "'MIT AND Nobodys-1.0'"),
    ],
)
def test_an_unknown_licence_is_an_error(
    policy: Policy, metadata: dict[str, str], classifiers: tuple[str, ...], told: str
) -> None:
    (problem,) = check([replace(ODD, metadata=metadata, classifiers=classifiers)], policy, policy.allowed)
    assert f"odd 1.0 says no licence that is known ({told}" in problem
    assert "dev/supply/licences.toml" in problem


def test_what_was_read_by_hand_holds_for_the_same_metadata_alone(policy: Policy) -> None:
    known = replace(ODD, name="sympy", metadata={"License": "BSD"})
    assert licence_of(known, policy) == "BSD-3-Clause"
    (problem,) = check([replace(known, metadata={"License": "Other"})], policy, policy.allowed)
    assert "sympy 1.0 says no licence that is known ('Other')" in problem


def test_what_is_bundled_or_out_of_date_is_named(tmp_path: Path, policy: Policy) -> None:
    (tmp_path / "odd.libs").mkdir()
    (tmp_path / "odd.libs" / "libodd-1.so").touch()
    assert check_bundled(tmp_path, policy) == [
        "odd.libs/libodd-1.so is bundled, and not in dev/supply/licences.toml: which licence has it?"
    ]
    problems = outdated([replace(ODD, name="sympy", metadata={"License": "Other"})], tmp_path, policy)
    assert "[said.sympy] of dev/supply/licences.toml is out of date: delete or mend it" in problems
    assert len(problems) == len(policy.said) + len(policy.bundled)


def test_a_layer_of_another_lock_is_refused(layer: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has other packages than its locks"):
        function_packages(tmp_path, target())
    runtime = tmp_path / "layers" / "runtime"
    (runtime / target()).mkdir(parents=True)
    for name in ("postgresql.txt", f"{target()}/requirements.txt"):
        text = (ROOT / "layers" / "runtime" / name).read_text(encoding="utf-8")
        (runtime / name).write_text(re.sub(r"^numpy==\S+", "numpy==1.0", text, flags=re.MULTILINE))
    with pytest.raises(ValueError, match="has another version of numpy than its lock"):
        function_packages(layer, target(), tmp_path)


def test_every_lock_is_known() -> None:
    tops = [*ROOT.glob("*.txt"), *ROOT.glob("[a-z]*/**/*.txt")]
    hashed = {
        path for path in tops if "build" not in path.parts and "--hash=sha256" in path.read_text("utf-8")
    }
    assert hashed <= set(locks())
    assert all(read_lock(path) for path in locks())
