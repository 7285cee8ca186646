"""The metadata of an adapter says which code trained it, also where that has left its repository."""

import pytest

from trainer.revision import VARIABLE, code_revision


def test_an_image_says_which_commit_it_was_built_from(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr("trainer.revision._ROOT", tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    bare = code_revision()
    assert "+" not in bare
    monkeypatch.setenv(VARIABLE, "81a0cb1")
    assert code_revision() == f"{bare}+g81a0cb1"
    # As compose gives it where nobody said.
    monkeypatch.setenv(VARIABLE, "")
    assert code_revision() == bare
