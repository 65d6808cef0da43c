"""Run by .venv-sam's Python, for tests/transformed.py: SAM's transform of template.yaml for sets of parameters.

transform_tools.py TEMPLATE SETS OUT    SETS: {set: {parameter: value}}, OUT: {set: the template that SAM makes of it}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def transform(template: Path, values: dict[str, str]) -> Any:
    """What CloudFormation works with; the built folders stand in the place of uploads, by their resource's name."""
    from samcli.yamlhelper import yaml_parse
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    parsed = yaml_parse(template.read_text(encoding="utf-8"))
    for name, resource in parsed["Resources"].items():
        for place in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][place] = f"s3://built/{name}"
    return Translator({}, Parser()).translate(parsed, values)


if __name__ == "__main__":
    source, sets, out = map(Path, sys.argv[1:])
    made = {name: transform(source, values) for name, values in json.loads(sets.read_text()).items()}
    out.write_text(json.dumps(made))
