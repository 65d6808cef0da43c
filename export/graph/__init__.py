"""The model's ONNX graph: fused, and quantised to int8."""
