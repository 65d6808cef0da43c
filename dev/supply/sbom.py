"""`make sbom`: lists what is shipped, for auditors, as CycloneDX has it: build/sbom.json and build/sbom-export.json.

The first has the packages of the function's layers, each with the SHA-256 of the one wheel that was installed. The second
has those of an export, which are of the machine that runs it. Both are compared with CycloneDX's own schema.

It lists the largest build: with the client of PostgreSQL, which is marked optional, and with what DOCS=off leaves out. It
lists no artifact: its manifest says which model it is of, and has the hash of each file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from dev.supply.licences import Policy, UnknownLicenceError, licence_of
from dev.supply.packages import Package, export_packages, function_packages, main_environment
from handler import __version__


def main() -> int:
    """Writes both lists; returns 0, or 2 where one can't be made."""
    parser = argparse.ArgumentParser(prog="python -m dev.supply.sbom", description=__doc__.split("\n\n")[0])
    parser.add_argument("--layer", type=Path, required=True, metavar="DIR", help="a built layer's python/")
    parser.add_argument("--target", required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    try:
        lists = {
            "sbom.json": make(
                f"seeklet-function-{options.target}", function_packages(options.layer, options.target)
            ),
            "sbom-export.json": make("seeklet", export_packages(main_environment())),
        }
    except (ValueError, UnknownLicenceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    for name, bom in lists.items():
        (options.out / name).write_text(to_json(bom), encoding="utf-8")
        print(f"{options.out / name}: {len(bom.components)} packages")
    return 0


def make(name: str, packages: Sequence[Package]) -> Bom:
    """Makes the list of one product: its packages, and which of them needs which."""
    policy, factory = Policy.load(), LicenseFactory()
    product = Component(
        name=name,
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref=name,
        licenses=[factory.make_from_string("Apache-2.0")],
        purl=PackageURL("pypi", name="seeklet", version=__version__),
    )
    components = {package.name: component(package, policy, factory) for package in packages}
    bom = Bom(components=components.values())
    bom.metadata.component = product
    needed = set()
    for package in packages:
        bom.register_dependency(components[package.name], [components[other] for other in package.needs])
        needed |= set(package.needs)
    bom.register_dependency(product, [components[one] for one in sorted(components.keys() - needed)])
    return bom


def component(package: Package, policy: Policy, factory: LicenseFactory) -> Component:
    """Makes the entry of a package. Of several files of a version it says that any of them may be installed."""
    purl = PackageURL("pypi", name=package.name, version=package.version)
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=value) for value in package.hashes]
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        comment="one of these files",
        hashes=hashes,
    )
    return Component(
        name=package.name,
        version=package.version,
        bom_ref=str(purl),
        purl=purl,
        description=package.metadata.get("Summary"),
        scope=ComponentScope.OPTIONAL if package.optional else ComponentScope.REQUIRED,
        licenses=[factory.make_from_string(licence_of(package, policy))],
        hashes=hashes if len(hashes) == 1 else (),
        external_references=[files] if len(hashes) > 1 else (),
    )


def to_json(bom: Bom) -> str:
    """Returns the list as JSON of CycloneDX 1.6; raises ValueError where its schema doesn't allow it."""
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise ValueError(f"CycloneDX's schema refuses the list: {error}")
    return f"{text}\n"


if __name__ == "__main__":
    sys.exit(main())
