"""Every corpus of a recipe's development data, one after the other: a JSON file each, for `make results`.

python -m sentistream.evaluation.all_corpora DATA HELD_OUT OUT [options of sentistream evaluate]
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sentistream.commands.evaluate import command
from trainer.bilingual.recipe import BilingualRecipe, CorpusUse

_WHOLE: Final = "."
_USUAL: Final = ("--policy", "one-pass", "--policy", "calibrated")


def evaluations(recipe: BilingualRecipe, data: Path, held_out: Path) -> dict[str, list[str]]:
    """By corpus format, what `sentistream evaluate` is asked: a file of its own, or the part that is held out.

    Args:
        recipe: of the model.
        data: folder of the corpora, as the recipe names them.
        held_out: folder ``development`` of the training's work folder.
    """
    own = [one for one in recipe.corpora if one.taxonomy is None]
    return {name: list(_words([one for one in own if one.format == name], data, held_out)) for name in _names(own)}


def _names(own: Sequence[CorpusUse]) -> list[str]:
    return list(dict.fromkeys(one.format for one in own if one.held_out is not None or one.held_out_share))


def _words(own: Sequence[CorpusUse], data: Path, held_out: Path) -> Iterator[str]:
    name = own[0].format
    whole = [one for one in own if one.held_out == _WHOLE]
    taught = [one for one in own if one not in whole]
    parts = [one for one in taught if one.held_out is not None or one.held_out_share]
    if parts or len(whole) > 1:
        yield from (str(held_out / f"{name}.jsonl"), "--format", "jsonl")
    else:
        yield from (str(data / whole[0].file), "--format", name)
    for one in taught:
        yield from ("--baseline-train", f"{name}:{data / one.file}")


def main(words: Sequence[str] | None = None) -> None:
    """Ask everything; what was asked before is known, so that the same command goes on where it was stopped."""
    parser = argparse.ArgumentParser(prog="python -m sentistream.evaluation.all_corpora", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the corpora, as the recipe names them")
    parser.add_argument("held_out", type=Path, help="folder development of train-bilingual's work folder")
    parser.add_argument("out", type=Path, help="gets a JSON file for each corpus")
    parser.add_argument("--recipe", default="sentistream-enzh-37m", help="whose development data")
    given, further = parser.parse_known_args(words)
    asked = evaluations(BilingualRecipe.load(given.recipe), given.data, given.held_out)
    policies = () if "--policy" in further else _USUAL
    for name, own in asked.items():
        command.main(
            [*own, *policies, "--json", str(given.out / f"{name}.json"), *further],
            prog_name="sentistream evaluate",
            standalone_mode=False,
        )


if __name__ == "__main__":
    main()
