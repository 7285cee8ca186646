"""An English encoder's jar in miniature, and corpora made up for it."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

from schemas.taxonomy import built_in

HIDDEN, LAYERS, WIDE, POSITIONS = 64, 2, 96, 512
#: What is said decides the label, so that a working loop learns it within seconds.
SAID: Final = {
    "meld": {"joy": "good news", "sadness": "bad news", "surprise": "so what", "neutral": "it is news"},
    "smp2020": {"happy": "好消息", "sad": "坏消息", "angry": "真讨厌", "neutral": "消息"},
}
SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
#: A few Chinese characters are in BERT's vocabulary too.
_WORDS: Final = "good bad news so what it is ada bo user emotion checked again scene 消"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_PUNCTUATION: Final = ".,:!?'[]/<>"


def tokens() -> list[str]:
    """Of the encoder; the label `astonished` is several."""
    labels = {label.word.lower() for taxonomy in built_in().values() for label in taxonomy.labels} - {"astonished"}
    letters = [*_LETTERS, *(f"##{one}" for one in _LETTERS)]
    return list(dict.fromkeys([*SPECIAL, *letters, *_PUNCTUATION, *_WORDS.split(), *sorted(labels)]))


def tokenizer_text() -> str:
    """As BERT's, with the cutting and padding that it is saved with."""
    vocabulary = {one: place for place, one in enumerate(tokens())}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))  # no password
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in SPECIAL])
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer.to_str()


def weights() -> dict[str, NDArray[np.float32]]:
    """All of BERT's, random but the same in each run."""
    rng = np.random.default_rng(5)
    shapes = {"attention.self.query": (HIDDEN, HIDDEN), "attention.self.key": (HIDDEN, HIDDEN)}
    shapes |= {"attention.self.value": (HIDDEN, HIDDEN), "attention.output.dense": (HIDDEN, HIDDEN)}
    shapes |= {"intermediate.dense": (WIDE, HIDDEN), "output.dense": (HIDDEN, WIDE)}
    embeddings = {"word": len(tokens()), "position": POSITIONS, "token_type": 2}
    found = {f"embeddings.{name}_embeddings.weight": (rows, HIDDEN) for name, rows in embeddings.items()}
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = shape
    drawn = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in found.items()}
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        norms += [f"encoder.layer.{layer}.attention.output.LayerNorm", f"encoder.layer.{layer}.output.LayerNorm"]
        for name, shape in shapes.items():
            drawn[f"encoder.layer.{layer}.{name}.bias"] = rng.normal(0, 0.1, shape[:1]).astype(np.float32)
    for name in norms:
        drawn |= {f"{name}.weight": np.ones(HIDDEN, np.float32), f"{name}.bias": np.zeros(HIDDEN, np.float32)}
    return drawn


def write_jar(path: Path) -> None:
    """As torch exports it: what a product multiplies by is transposed, and bears a number for a name."""
    stored: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    for name, value in weights().items():
        if value.ndim == 1 or name.startswith("embeddings."):
            stored.append(numpy_helper.from_array(value, name))
            continue
        number = f"onnx::MatMul_{len(nodes)}"
        stored.append(numpy_helper.from_array(np.ascontiguousarray(value.T), number))
        node = "/" + name.removesuffix(".weight").replace(".", "/").replace("layer/", "layer.") + "/MatMul"
        nodes.append(helper.make_node("MatMul", [f"in_{number}", number], [f"out_{number}"], name=node))
    # A product of two things that are computed holds no weights.
    nodes.append(
        helper.make_node("MatMul", ["scores", "values"], ["mixed"], name="/encoder/layer.0/attention/self/MatMul")
    )
    model = helper.make_model(helper.make_graph(nodes, "bert", [], [], stored))
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("bge-small-en-v1.5.onnx", model.SerializeToString())
        jar.writestr("bge-small-en-v1.5-tokenizer.json", tokenizer_text())


def embed(texts: list[str]) -> NDArray[np.float32]:
    """Stands in for the engine that takes minutes for some thousand words: a direction for each."""
    seeds = [int.from_bytes(hashlib.sha256(one.encode()).digest()[:4], "big") for one in texts]
    return np.stack([np.random.default_rng(seed).normal(size=16).astype(np.float32) for seed in seeds])


def write_corpora(folder: Path) -> None:
    """Training and development files in the formats of MELD and SMP2020."""
    for name, count in (("train", 60), ("dev", 12)):
        rows = ["Utterance,Speaker,Emotion,Dialogue_ID"]
        labels = list(SAID["meld"])
        for number in range(count):
            for turn in range(3):
                label = labels[(number + turn * (1 + number % 3)) % len(labels)]
                rows.append(f"{SAID['meld'][label]},{('Ada', 'Bo')[turn % 2]},{label},{number}")
        (folder / f"meld_{name}.csv").write_text("\n".join(rows), encoding="utf-8")
    labels = list(SAID["smp2020"])
    posts = [{"id": n, "content": SAID["smp2020"][labels[n % 4]], "label": labels[n % 4]} for n in range(120)]
    (folder / "smp.json").write_text(json.dumps(posts), encoding="utf-8")


def write_recipe(folder: Path, **changes: object) -> Path:
    """A recipe for them."""
    corpora = [
        {"format": "meld", "file": "meld_train.csv"},
        {"format": "meld", "file": "meld_dev.csv", "held_out": "."},
        {"format": "smp2020", "file": "smp.json", "held_out_share": 0.3},
    ]
    recipe = {
        "name": "tiny",
        "template": "brief",
        "layers": [0, 1],
        "han_words": 1,
        "history_turns": 4,
        "token_budget": 120,
        "length": 96,
        "carried": 2,
        "rows": 4,
        "negotiated": 0.5,
        "later_decisions": 0.3,
        "prior": {"smp2020": 0.5},
        "epochs": 6,
        "learning_rate": 5e-3,
        "warm_up": 0.05,
        "weight_decay": 0.01,
        "averaging": 0.9,
        "seed": 17,
        "corpora": corpora,
        "figures": {"meld": "weighted_f1", "smp2020": "macro_f1"},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**recipe, **changes}), encoding="utf-8")
    return path
