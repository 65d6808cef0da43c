"""Stands in for onnxruntime/capi/onnxruntime_validation.py: Lambda's system is one that ONNX Runtime supports."""

from __future__ import annotations


def check_distro_info() -> None:
    """Checks nothing, and so reads no file of the system by way of `linecache` and `platform`."""


def get_package_name_and_version_info() -> tuple[str, str, str]:
    """Returns the package's name, and no version: onnxruntime knows its own."""
    return "onnxruntime", "", ""
