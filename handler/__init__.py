"""What AWS Lambda imports: queries answered from one artifact."""

import os

# Telemetry is on by default since ONNX Runtime 1.29, and is read when onnxruntime is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# The version of everything: pyproject.toml, the API and `seeklet.__version__` read it here.
__version__ = "0.2.0"
