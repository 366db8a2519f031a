"""The segmentation network, read from its folder."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from imaging.errors import ConfigError, MissingFileError
from imaging.segmentation.inputs import CLASSES, PLACE_CHANNELS
from imaging.segmentation.network import Network
from imaging.threads import threads


@cache
def load_network(folder: Path) -> Network:
    """Read ``network.onnx`` and ``network.json`` from a folder.

    Raises
    ------
    MissingFileError, ConfigError
        A file is missing; the network is not one that `pennate train` wrote.
    """
    import onnxruntime  # in vain where all muscles are drawn

    for name in ("network.onnx", "network.json"):
        if not (folder / name).is_file():
            raise MissingFileError(f"has no {name}", folder, "Give a folder `pennate train` wrote")
    try:
        card = json.loads((folder / "network.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads(), 3
        session = onnxruntime.InferenceSession(
            folder / "network.onnx", options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ConfigError(f"cannot be read ({error})", folder, "Export it again") from error
    network = Network(session, card)
    wanted = len(network.slices_mm) + PLACE_CHANNELS
    if tuple(card.get("classes", ())) != CLASSES or session.get_inputs()[0].shape[1] != wanted:
        raise ConfigError(
            "has other inputs or classes than this version of Pennate expects", folder,
            "Train it with the same version",
        )  # fmt: skip
    return network
