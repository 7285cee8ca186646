"""Colours of the emotion families: seen on their ground, and told apart by colour-blind people."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from schemas.taxonomy import built_in

CSS = (Path(__file__).parents[3] / "console" / "web" / "css" / "tokens.css").read_text(encoding="utf-8")
PAIR = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
THEMES = {"light": 0, "dark": 1}
LABELS = (Path(__file__).parents[3] / "console" / "web" / "js" / "labels.js").read_text(encoding="utf-8")
#: Family by label, as the page has it.
FAMILY_OF = {
    label: family
    for family, labels in re.findall(r"^  ([a-z]+): \[(.*)\],$", LABELS, re.MULTILINE)
    for label in re.findall(r'"([^"]+)"', labels)
}
#: In OKLab, times 100; 2 is about what a careful eye just sees. Of more than eight, the last cannot be as far apart.
APART = 8.0
APART_OF_MANY = 6.0
MANY = 8
#: Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
SIGHTS = {
    "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
FAMILIES = re.findall(r"^\.fam-([a-z]+)", CSS, re.MULTILINE)


def linear(name: str, theme: str) -> np.ndarray:
    """Linear RGB of a colour as the style sheet has it."""
    found = {one: (light, dark) for one, light, dark in PAIR.findall(CSS)}[name][THEMES[theme]]
    channels = np.array([int(found[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str, theme: str) -> float:
    """As WCAG 2 has it."""
    bright = sorted(float(linear(name, theme) @ [0.2126, 0.7152, 0.0722]) for name in (one, other))
    return (bright[1] + 0.05) / (bright[0] + 0.05)


def seen(name: str, theme: str, sight: str) -> np.ndarray:
    """Where a colour lies in OKLab for this sight."""
    rgb = np.clip(np.array(SIGHTS[sight]) @ linear(name, theme), 0, 1)
    lab: np.ndarray = TO_LAB @ np.cbrt(TO_CONES @ rgb)
    return lab


@pytest.mark.parametrize("theme", THEMES)
def test_shapes_are_seen_on_every_ground_and_text_is_read(theme: str) -> None:
    dim = [(name, ground) for name in FAMILIES for ground in ("sheet", "ground") if contrast(name, ground, theme) < 3.0]
    assert not dim
    texts = [
        ("ink", "sheet"),
        ("ink-soft", "sheet"),
        ("ink-soft", "ground"),
        ("ink-soft", "sunken"),
        ("accent", "sheet"),
    ]
    texts += [("accent", "accent-ground"), ("on-accent", "accent"), ("ink", "accent-ground")]
    texts += [(name, f"{name}-ground") for name in ("good", "warn", "bad")]
    assert not [pair for pair in texts if contrast(*pair, theme) < 4.5]
    assert contrast("line-strong", "sheet", theme) >= 3
    assert contrast("focus", "ground", theme) >= 3


def close(names: set[str], theme: str, sight: str) -> list[tuple[str, str, float]]:
    """Those of these colours that are too near to each other."""
    least = APART_OF_MANY if len(names) > MANY else APART
    pairs = itertools.combinations(sorted(names), 2)
    apart = [
        (one, other, round(100 * float(np.linalg.norm(seen(one, theme, sight) - seen(other, theme, sight))), 1))
        for one, other in pairs
    ]
    return [one for one in apart if one[2] < least]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("taxonomy", built_in())
def test_the_emotions_of_a_label_set_are_told_apart_by_everybody(theme: str, sight: str, taxonomy: str) -> None:
    labels = [label.name.lower() for label in built_in()[taxonomy].labels]
    families = {FAMILY_OF[label] for label in labels}
    assert len(families) == len(labels)
    assert not close(families, theme, sight)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_for_labels_of_nobody_else_are_told_apart_by_everybody(theme: str, sight: str) -> None:
    spares = set(re.findall(r"--(spare-[a-z]):", CSS))
    assert len(spares) == MANY
    assert not close(spares, theme, sight)
    assert not [name for name in spares for ground in ("sheet", "ground") if contrast(name, ground, theme) < 3.0]


def test_every_family_has_a_shape_and_a_colour_of_its_own() -> None:
    icons = (Path(__file__).parents[3] / "console" / "web" / "js" / "icons.js").read_text(encoding="utf-8")
    paths = dict(re.findall(r'^  ([a-z]+):\s+"(M[^"]+)"', icons.split("SIGN_PATHS")[0], re.MULTILINE))
    assert paths.keys() == set(FAMILIES)
    assert len(set(paths.values())) == len(paths)
    assert len({pair for name, *pair_of in PAIR.findall(CSS) if name in FAMILIES for pair in [tuple(pair_of)]}) == len(
        paths
    )
