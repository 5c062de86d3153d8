"""How axes show their values, where that is not as usual."""

import numpy as np
import pytest

import tmnet
from tmnet.errors import TmnetError

from ..synthetic import load, race, write_file
from .lines import NAMES, SCALES, line_of

BEST, RATE = "A01/eval/best", "A01/eval/finish_rate"


def test_logs_spans_and_differences(whole):
    scales = {
        "loss": {"log": True}, BEST: {"zoom": (20, 31.5)}, RATE: {"difference": NAMES[1]},
        "avg_q/A01": {"log": False, "full": True},
    }  # fmt: skip
    names = ["loss", BEST, RATE, "training_share"]
    axes = dict(zip(names, whole.plot_grid(names, scales=scales).axes))
    assert [ax.get_yscale() for ax in axes.values()] == ["log", *["linear"] * 3]
    assert axes[BEST].get_ylim() == (20, 31.5)
    low, high = axes["loss"].get_ylim()
    values = whole.table("loss").to_numpy()
    assert 0 < low < np.nanmin(values) and np.nanmax(values) < high
    table = whole.table(RATE) * SCALES[RATE]
    for run in NAMES:
        y = line_of(axes[RATE], run).get_ydata()
        np.testing.assert_allclose(y, table[run] - table[NAMES[1]], atol=1e-9)
    assert f"minus {NAMES[1]}" in axes[RATE].get_title(loc="left").replace("\n", " ")
    assert axes[RATE].get_ylabel() == "difference (points)"
    (as_usual,) = whole.plot("training_share").axes
    assert axes["training_share"].get_ylim() == as_usual.get_ylim()


def test_all_values(tmp_path):
    losses = [500.0, *(2 + k % 3 for k in range(30))]
    write_file(tmp_path / "X", [(60 * k, k, {"loss": x}) for k, x in enumerate(losses, start=1)])
    comparison = tmnet.compare([load(tmp_path, "X")], interval=1)
    for scales, is_shown in ((None, False), ({"loss": {"full": True}}, True)):
        (ax,) = comparison.plot("loss", scales=scales).axes
        assert (ax.get_ylim()[1] > 500) == is_shown


def test_zero_has_no_logarithm(whole):
    (ax,) = whole.plot(RATE, scales={RATE: {"log": True}}).axes
    assert ax.get_yscale() == "linear" and np.nanmin(whole.table(RATE)) == 0


def test_bands_of_differences(whole):
    """As the contrast of the two runs at that moment has it; of no records, and of no scalars."""
    late = whole.again(metrics=["A01/eval/late_rate", BEST])
    scales = {name: {"difference": "short"} for name in ("A01/eval/late_rate", BEST)}
    axes = late.plot_grid(scales=scales).axes
    titles = [ax.get_title(loc="left").replace("\n", " ") for ax in axes]
    assert titles[0].endswith("minus short") and titles[1].endswith("minus short, no interval")
    runs = {run.name: run for run in late.runs}
    of = {name: late.estimates(run, late.metrics[0], late.grid) for name, run in runs.items()}
    behind = late.grid > late.ends["short"]
    drawn = [band for band in axes[0].collections if band.get_paths()]
    assert len(drawn) == len(NAMES) - 1
    for band, name in zip(drawn, ["long", "never"]):
        corners = band.get_paths()[0].vertices
        at = corners[:, 0]
        assert not np.isin(at, late.grid[behind]).any()
        for i in (0, len(np.unique(at)) // 2):
            point = np.unique(at)[i]
            n = int(np.flatnonzero(late.grid == point)[0])
            (gap,) = of[name].take([n]).above(of["short"].take([n]))
            low, high = (f(corners[at == point, 1]) for f in (np.min, np.max))
            assert (low, high) == pytest.approx((100 * gap.interval.low, 100 * gap.interval.high))


def test_differences_of_arms(arms):
    (ax,) = arms.plot("A01/eval/mean_all", scales={"A01/eval/mean_all": {"difference": "a"}}).axes
    middles = arms.arm_table("A01/eval/mean_all").pivot(index="at", columns="arm", values="iqm")
    np.testing.assert_allclose(line_of(ax, "b").get_ydata(), middles["b"] - middles["a"])
    assert "no interval" in ax.get_title(loc="left").replace("\n", " ")


@pytest.mark.parametrize("scale", [{"zoom": (1, 9)}, {"log": True}, {"zoom": (1, 5)}])
def test_names_stand_where_their_lines_end(tmp_path, scale):
    """Beside the axes; or in a legend, where a line ends outside of it."""
    ends = {"a": 2.0, "b": 8.0}
    for name, end in ends.items():
        values = [(60 * k, k, {"loss": end + 10 - k}) for k in range(1, 11)]
        write_file(tmp_path / name, values)
    runs = [load(tmp_path, name) for name in ends]
    figure = tmnet.compare(runs, interval=1).plot("loss", scales={"loss": scale})
    (ax,) = figure.axes
    if scale.get("zoom") == (1, 5):
        assert figure.legends and len(ax.texts) == 1  # of what is not shown
        return
    places = {text.get_text(): text.get_position()[1] for text in ax.texts}
    for name, end in ends.items():
        up = ax.transAxes.inverted().transform(ax.transData.transform((1, end)))[1]
        assert places[name] == pytest.approx(up, abs=0.02)


def test_files_have_them_too(whole, tmp_path):
    options = {"formats": ["svg"], "scales": {"loss": {"log": True}}}
    part = whole.only(["loss", "training_share"])
    for folder, scales in (("log", options), ("usual", {"formats": ["svg"]})):
        part.export(tmp_path / folder, "x", **scales)
    same = {
        name: (tmp_path / "log" / name).read_text() == (tmp_path / "usual" / name).read_text()
        for name in ("x_loss.svg", "x_training_share.svg")
    }
    assert same == {"x_loss.svg": False, "x_training_share.svg": True}


@pytest.mark.parametrize(
    "scales, said",
    [
        ("log", "scales is 'log'; it must be a dict"),
        ({"loss": "log"}, r"scales\['loss'\] is 'log'; it must be a dict of log, full, zoom"),
        ({"loss": {"pin": True}}, r"scales\['loss'\] has the entry 'pin'; it can have log, full"),
        ({"loss": {"log": 1}}, r"log in scales\['loss'\] is 1; it must be true or false"),
        ({"loss": {"zoom": 3}}, r"zoom in scales\['loss'\] is 3; it must be two numbers"),
        ({"loss": {"zoom": (3, 3)}}, r"zoom in .* is \(3, 3\); it must be two numbers, the lower"),
        ({"loss": {"difference": True}}, "difference in .* is True; it must be 'long' or"),
        ({"los": {"log": True}}, "no metric los"),
    ],
)  # fmt: skip
def test_what_is_no_scale_is_said(whole, tmp_path, scales, said):
    for call in (whole.plot_grid, lambda scales: whole.export(tmp_path / "x", "x", scales=scales)):
        with pytest.raises(TmnetError, match=said):
            call(scales=scales)
    assert not (tmp_path / "x").exists()


def test_many_arms_are_lines_alone(tmp_path):
    """Bands and seeds of seven would hide each other; some never finish, some end early."""
    arms = {}
    for i, arm in enumerate("abcdefg"):
        for k in range(4):
            times = range(1, 12 if (i, k) == (2, 1) else 20)
            finishes = (i + k) % 3 > 0
            values = race(float(20 + i + k), finishes) | {"loss": float(i * k)}
            write_file(tmp_path / f"{arm}{k}", [(60 * t, t, values) for t in times])
        arms[arm] = [load(tmp_path, f"{arm}{k}") for k in range(4)]
    comparison = tmnet.compare(arms, window=(0, 19), interval=1)
    for name in (BEST, "A01/eval/finish_rate", "loss"):
        (ax,) = comparison.plot(name).axes
        assert not [band for band in ax.collections if band.get_paths()]
        middles = comparison.arm_table(name).pivot(index="at", columns="arm", values="iqm")
        for arm in arms:
            y = line_of(ax, arm).get_ydata() / SCALES.get(name, 1)
            np.testing.assert_allclose(y, middles[arm])
