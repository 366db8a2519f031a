"""A network whose answer is known: one label per band of intensity, as ONNX."""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save


def banded_network(path, centres, dims=2, channels=1, patch=None, sharp=8.0):
    """Write a network whose logit of channel c is -sharp·(x - centres[c])², from 1x1 kernels."""
    kernel = (1,) * dims
    middle = np.zeros((1, channels, *kernel), np.float32)
    middle[0, channels // 2] = 1
    scale = np.full((len(centres), 1, *kernel), 1, np.float32)
    bias = -np.asarray(centres, np.float32)
    size = list(patch) if patch else [f"n{d}" for d in range(dims)]
    nodes = [
        helper.make_node("Conv", ["image", "middle"], ["x"]),
        helper.make_node("Conv", ["x", "scale", "bias"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "shifted"], ["squared"]),
        helper.make_node("Mul", ["squared", "sharp"], ["logits"]),
    ]
    weights = {"middle": middle, "scale": scale, "bias": bias, "sharp": np.float32(-sharp)}
    graph = helper.make_graph(
        nodes,
        "bands",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, *size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, len(centres), *size])],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, path)


def onnx_folder(folder, names, dims=2, patch=(16, 16), **changes):
    """Write a model folder: intensity n means channel n."""
    folder.mkdir(parents=True, exist_ok=True)
    channels = changes.get("input", {}).get("context", 1)
    banded_network(folder / "model.onnx", range(len(names)), dims, channels)
    card = {
        "name": "bands",
        "version": "1.2",
        "licence": "CC0-1.0",
        "labels": {str(n): name for n, name in enumerate(names)},
        "input": {"orientation": "RAS", "spacing": [None, None, None], "patch": list(patch)},
    }
    card["input"].update(changes.pop("input", {}))
    (folder / "model.json").write_text(json.dumps({**card, **changes}))
    return folder
