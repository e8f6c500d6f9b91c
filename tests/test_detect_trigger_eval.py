"""`seqtool detect-trigger eval`: figures, their intervals, and the DET curve."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import RunCli
from trigger_sounds import make_model, other, word, write_folder

from seqtool_detect_trigger.det_plot import deviates
from seqtool_detect_trigger.intervals import NONE_AT_MOST, poisson, wilson


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights, and clips."""
    path = tmp_path_factory.mktemp("eval")
    write_folder(path / "word", 8, word, 1)
    write_folder(path / "others", 20, other, 2)
    write_folder(path / "noise", 3, other, 3)
    make_model(path / "m.safetensors", threshold=0.5, refractory=0.1)
    return path


def options(folder: Path, *more: object) -> list[object]:
    """A command line."""
    clips = ("--positive", folder / "word", "--negative", folder / "others")
    return ["detect-trigger", "eval", "-m", folder / "m.safetensors", *clips, *more]


# From R 4.3: binom::binom.wilson and poisson.test.
@pytest.mark.parametrize(
    ("found", "count", "low", "high"),
    [(0, 10, 0.0, 0.27753), (5, 100, 0.02154, 0.11175), (50, 50, 0.92865, 1.0), (0, 0, 0, 1)],
)
def test_intervals_of_shares(found: int, count: int, low: float, high: float) -> None:
    assert wilson(found, count) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize(
    ("found", "low", "high"),
    [(0, 0.0, 3.688879), (1, 0.025318, 5.571643), (10, 4.795389, 18.390356), (300, 267.0, 335.96)],
)
def test_intervals_of_counts(found: int, low: float, high: float) -> None:
    assert poisson(found) == pytest.approx((low, high), rel=1e-4)


def test_none_in_an_hour_is_at_most_three() -> None:
    assert np.exp(-NONE_AT_MOST) == pytest.approx(0.05)


def test_axes_are_normal_deviates() -> None:
    assert deviates([0.5, 0.158655, 0.841345]) == pytest.approx([0, -1, 1], abs=1e-4)
    assert np.isfinite(deviates([0.0, 1.0])).all()


def test_figures_are_in_order(run_cli: RunCli, folder: Path) -> None:
    result = run_cli(*options(folder, "--format", "json"))
    assert (result.code, result.err) == (0, "")
    record = json.loads(result.out)
    assert (record["trigger"], record["threshold"]) == ("word", 0.5)
    (table,) = record["tables"]
    assert (table["snr"], table["triggers"], table["rounds"]) == (None, 8, 1)
    assert table["no_false_alarms_upper"] == pytest.approx(NONE_AT_MOST / table["hours"])
    rows = table["rows"]
    assert [row["threshold"] for row in rows] == sorted(row["threshold"] for row in rows)
    misses = [row["misses"] for row in rows]
    assert misses == sorted(misses)
    assert rows[-1]["misses"] == 8
    assert rows[-1]["false_alarms"] == 0
    assert table["chosen"] in rows
    for row in rows:
        low, high = row["miss_interval"]
        assert low <= row["miss_rate"] == row["misses"] / 8 <= high
        low, high = row["false_alarm_interval"]
        assert low <= row["false_alarms_an_hour"] <= high
        assert row["false_alarms"] == pytest.approx(row["false_alarms_an_hour"] * table["hours"])


def test_a_table_for_each_noise(run_cli: RunCli, folder: Path) -> None:
    more = ("--noise", folder / "noise", "--snr", "20,0", "--rounds", 2, "--format", "json")
    outs = [run_cli(*options(folder, *more, "--threads", threads)).out for threads in (1, 2)]
    assert outs[0] == outs[1]
    tables = json.loads(outs[0])["tables"]
    assert [table["snr"] for table in tables] == [20, 0]
    assert tables[0]["rows"] != tables[1]["rows"]
    assert tables[0]["rounds"] == 2
    other_seed = run_cli(*options(folder, *more, "--seed", 2)).out
    assert other_seed != outs[0]
    text = run_cli(*options(folder, *more[:-2])).out
    assert text.count("threshold ") == 2
    assert "in noise 20 dB below: 8 triggers" in text
    assert "no false alarm in" in text


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_det_curve(run_cli: RunCli, folder: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"det.{ending}"
    result = run_cli(*options(folder, "--snr", "20,0", "--plot", target))
    assert result.code == 0, result.err
    content = target.read_bytes()
    assert len(content) > 5000
    if ending == "svg":
        assert b"false alarms an hour" in content
        assert b"20 dB" in content


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ("--noise {f}/noise", 2, "--snr"),
        ("--snr loud", 2, "numbers"),
        ("--snr 1000", 2, "-60 to 120"),
        ("--plot a.gif", 2, ".png"),
        ("--positive {f}/none", 1, "no such folder"),
        ("-m none", 1, "no file and no installed model"),
    ],
)
def test_what_cannot_work(run_cli: RunCli, folder: Path, more: str, code: int, said: str) -> None:
    result = run_cli(*options(folder, *more.format(f=folder).split()))
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1), result.err
    assert said in result.err
