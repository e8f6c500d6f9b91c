"""The built-in German to English model does what its card says."""

import json
from pathlib import Path

import pytest
from conftest import REPOSITORY, RunCli

MODEL = REPOSITORY / "plugins/seqtool_translate/models/german-english.safetensors"
LEAST_BLEU = 36.0  # on test2016


def test_it_is_small_enough_to_ship() -> None:
    assert MODEL.stat().st_size <= 12_000_000


def test_it_translates_without_being_named(run_cli: RunCli) -> None:
    source = REPOSITORY / "examples/captions.de"
    found = run_cli("translate", source)
    assert found.code == 0
    lines = found.out.split("\n")[:-1]
    assert len(lines) == source.read_text(encoding="utf-8").count("\n")
    assert "children" in lines[1]
    assert "ball" in lines[1]


@pytest.mark.real
def test_its_score_is_that_of_its_card(run_cli: RunCli, data: Path) -> None:
    folder = data / "parallel/multi30k"
    files = ["--source", folder / "test2016.de", "--target", folder / "test2016.en"]
    found = json.loads(run_cli("translate", "eval", *files, "--format", "json").out)
    bleu = found["scores"][0]
    assert bleu["metric"] == "BLEU"
    assert bleu["score"] >= LEAST_BLEU
    assert f"{bleu['score']:.1f} ({bleu['signature']}" in run_cli("info", MODEL).out
