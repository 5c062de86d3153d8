"""The explorer's figure: what a page is told of it, and what is chosen there."""

import html
import re

import numpy as np
import pytest

import tmnet
from tmnet.errors import TmnetError
from tmnet.figures.panel import values_of

from ..figures.lines import line_of
from ..synthetic import race, write_file

METRICS = ["A01/eval/best", "A01/eval/finish_rate", "loss"]


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("picture")
    rng = np.random.default_rng(3)
    for run, minutes in (("big", 60), ("small", 45), ("seed_1", 60), ("seed_2", 60)):
        records = [
            (60 * k, 1000 * k, race(20 + 200 / k + rng.random(), rng.random() < k / 60))
            for k in range(1, minutes + 1)
        ]
        records += [(60 * k + 5, 1000 * k, {"loss": 5 / k}) for k in range(1, minutes)]
        write_file(logdir / run, sorted(records, key=lambda x: x[0]))
    return logdir


@pytest.fixture
def explorer(logdir):
    view = {"metrics": METRICS, "interval": 5, "window": (0, 60)}
    return tmnet.explore(logdir, runs=["big", "small"], **view)


def gesture(explorer, kind, **content):
    explorer.display.image._handle_custom_msg({"kind": kind, **content}, [])
    assert not explorer.display.message.value


def panel_of(explorer, metric):
    return next(x for x in explorer.display.image.scene["panels"] if x["metric"] == metric)


def read(explorer):
    """The numbers in the order that the scene says: grid, ends, and of each panel its lines."""
    image = explorer.display.image
    numbers = np.frombuffer(image.numbers, "<f8")
    points, lines = len(image.scene["moments"]), len(image.scene["names"])
    grid, ends, rest = np.split(numbers, [points, points + lines])
    found = {}
    for panel in image.scene["panels"]:
        for what in ["values", "races"][: 1 + panel["counts"]]:
            taken, rest = np.split(rest, [points * lines])
            found[panel["metric"], what] = taken.reshape(lines, points)
    assert not len(rest)
    return grid, ends, found


def test_what_a_page_is_told(explorer):
    grid, ends, found = read(explorer)
    comparison, scene = explorer.comparison, explorer.display.image.scene
    np.testing.assert_array_equal(grid, comparison.grid)
    assert ends.tolist() == [comparison.ends["big"], comparison.ends["small"]]
    for metric in METRICS:
        table = comparison.table(metric)[["big", "small"]].to_numpy().T
        scale = comparison.metric(metric).scale
        np.testing.assert_array_equal(found[metric, "values"], table * scale)
    counts = [
        comparison.races_behind(at).loc["A01/eval/finish_rate", ["big", "small"]] for at in grid
    ]
    known = np.isfinite(np.transpose(counts))
    assert (found["A01/eval/finish_rate", "races"] == np.transpose(counts))[known].all()
    assert [panel["counts"] for panel in scene["panels"]] == [False, True, False]
    assert scene["moments"][0] == "5" and scene["unit"] == "min"
    wide, high = scene["size"]
    for panel in scene["panels"]:
        left, top, right, bottom = panel["place"]
        box = explorer._picture.multiples.axes[panel["metric"]].get_position()
        assert 0 < left < right < 1 and 0 < top < bottom < 1 and wide > high / 2
        assert (left, 1 - bottom) == pytest.approx((box.x0, box.y0))
    assert "big, small, from 0 min to 60 min" in explorer.display.image.alt


def test_moment_and_window(explorer):
    gesture(explorer, "moment", at=31.0)
    assert explorer.at == 30 and explorer.display.image.at == 5
    gesture(explorer, "window", span=[12.0, 44.0])
    assert explorer.view["window"] == (12, 44) == explorer.comparison.window
    gesture(explorer, "common")
    assert explorer.view["window"] is None and explorer.comparison.window[1] < 46


def test_values_zoomed_in_logs_in_full_and_as_differences(explorer):
    before = panel_of(explorer, "loss")["y"]
    gesture(explorer, "zoom", metric="loss", span=[0.5, 2])
    assert panel_of(explorer, "loss")["y"] == [0.5, 2]
    gesture(explorer, "unzoom", metric="loss")
    assert panel_of(explorer, "loss")["y"] == before
    gesture(explorer, "choice", metric="loss", which="log")
    panel = panel_of(explorer, "loss")
    assert panel["log"] and panel["y"][0] > 0 and panel["choices"] == {"log": True}
    gesture(explorer, "choice", metric="loss", which="log")
    assert panel_of(explorer, "loss")["y"] == before
    best = panel_of(explorer, "A01/eval/best")["y"][1]
    gesture(explorer, "choice", metric="A01/eval/best", which="full")
    assert panel_of(explorer, "A01/eval/best")["y"][1] > max(best, 200 / 5)
    gesture(explorer, "choice", metric="A01/eval/finish_rate", which="difference")
    comparison = explorer.comparison
    values = values_of(comparison.metric("A01/eval/finish_rate"), comparison)
    line = explorer._picture.multiples.lines["A01/eval/finish_rate", "small"]
    np.testing.assert_array_equal(line.get_ydata(), values["small"] - values["big"])
    assert panel_of(explorer, "A01/eval/finish_rate")["title"].endswith("minus big, no interval")
    assert panel_of(explorer, "A01/eval/finish_rate")["unit"] == "points"
    explorer.controls.baseline.value = "small"
    assert panel_of(explorer, "A01/eval/finish_rate")["title"].endswith("minus small, no interval")
    line = explorer._picture.multiples.lines["A01/eval/finish_rate", "big"]
    np.testing.assert_array_equal(line.get_ydata(), values["big"] - values["small"])


def test_zero_has_no_logarithm(explorer):
    gesture(explorer, "choice", metric="A01/eval/finish_rate", which="log")
    assert not panel_of(explorer, "A01/eval/finish_rate")["log"]


def test_pinned_hidden_and_as_wide_as_the_page(explorer):
    gesture(explorer, "choice", metric="loss", which="pin")
    assert [x["metric"] for x in explorer.display.image.scene["panels"]] == ["loss", *METRICS[:2]]
    gesture(explorer, "choice", metric="A01/eval/best", which="hide")
    assert explorer.view["metrics"] == ["A01/eval/finish_rate", "loss"]
    for wide, columns in ((700, 2), (500, 1), (1500, 2)):
        gesture(explorer, "room", wide=wide, high=900, ratio=2)
        scene = explorer.display.image.scene
        lefts = {round(panel["place"][0], 6) for panel in scene["panels"]}
        assert len(lefts) == columns and scene["size"][0] == pytest.approx(min(wide, 1280))
        assert explorer._picture.multiples.figure.get_dpi() == 200


def test_a_figure_is_drawn_again_in_place(explorer):
    """Making one anew takes several times as long."""
    before = explorer._picture.multiples
    explorer.controls.interval.value = 2.5
    gesture(explorer, "choice", metric="loss", which="log")
    assert explorer._picture.multiples is before


def test_arms_are_told_by_their_middle(logdir):
    explorer = tmnet.explore(logdir, runs=["seed_1", "seed_2"], arms=True, metrics=METRICS)
    _, _, found = read(explorer)
    table = explorer.comparison.arm_table("loss")
    np.testing.assert_array_equal(found["loss", "values"][0], table["iqm"])
    assert explorer.display.image.scene["names"] == ["seed"]


def test_a_view_keeps_what_was_chosen_in_the_figure(explorer, logdir):
    gesture(explorer, "choice", metric="loss", which="log")
    gesture(explorer, "zoom", metric="loss", span=[0.5, 2])
    again = tmnet.explore(logdir, **explorer.view)
    assert again.view == explorer.view and panel_of(again, "loss")["y"] == [0.5, 2]
    before = {name: value for name, value in explorer.view.items() if name != "panels"}
    assert tmnet.explore(logdir, **before).view["panels"] == {}  # as saved by versions before


def test_the_figure_is_the_one_that_is_exported(explorer, logdir, tmp_path):
    """Code and files repeat what was chosen of the axes, and their order."""
    gesture(explorer, "choice", metric="loss", which="log")
    gesture(explorer, "choice", metric="loss", which="pin")
    gesture(explorer, "choice", metric="A01/eval/finish_rate", which="difference")
    gesture(explorer, "choice", metric="A01/eval/best", which="full")
    gesture(explorer, "zoom", metric="A01/eval/best", span=[18.123456, 39.98765])
    explorer.controls.baseline.value = "small"
    *lines, plot, _ = explorer.code.splitlines()
    names = {}
    exec("\n".join(lines), names)
    axes, live = eval(plot, names).axes, explorer._picture.multiples.axes
    assert [ax.get_yscale() for ax in axes] == ["log", "linear", "linear"]
    assert axes[1].get_ylim() == (18.1, 40.0)
    table = explorer.comparison.table("A01/eval/finish_rate")
    gap = 100 * (table["big"] - table["small"])
    np.testing.assert_allclose(line_of(axes[2], "big").get_ydata(), gap, atol=1e-9)
    for ax, name in zip(axes, ["loss", *METRICS[:2]]):
        assert ax.get_ylim() == live[name].get_ylim()
        for run in ("big", "small"):
            drawn = line_of(ax, run).get_xydata()
            np.testing.assert_array_equal(drawn, line_of(live[name], run).get_xydata())
    display = explorer.display
    display.folder.value, display.formats.value = str(tmp_path / "widget"), ["svg"]
    display.export.click()
    scales = {"loss": {"log": True}, "A01/eval/best": {"full": True, "zoom": (18.1, 40.0)},
              "A01/eval/finish_rate": {"difference": "small"}}  # fmt: skip
    comparison, order = explorer.comparison, explorer._colours
    written = comparison.export(tmp_path, "comparison", ["svg"], order=order, scales=scales)
    for path in written:
        assert path.read_bytes() == (tmp_path / "widget" / path.name).read_bytes()


@pytest.mark.parametrize("panels", ["loss", {"loss": 1}, {"loss": {"color": 1}},
                                    {"loss": {"zoom": 3}}, {"loss": {"log": "yes"}}])  # fmt: skip
def test_a_view_that_cannot_be(logdir, panels):
    with pytest.raises(TmnetError, match="The view's panels"):
        tmnet.explore(logdir, panels=panels)


def test_metrics_come_back_with_the_runs_that_have_them(logdir, tmp_path):
    explorer = tmnet.explore(logdir, runs=["big", "small"], metrics=METRICS)
    write_file(tmp_path / "PPO", [(60 * k, k, {"reward": k}) for k in range(1, 9)])
    explorer.controls.logdir.value = str(tmp_path)
    assert not explorer.display.message.value
    assert explorer.view["metrics"] == ["reward", *METRICS]
    assert f"None of the runs that are chosen has {', '.join(METRICS)}" in (
        explorer.display.notes.value
    )
    explorer.controls.logdir.value = str(logdir)
    assert {*METRICS} <= {*explorer.view["metrics"]} and not explorer.display.message.value


# --- the answer above it --------------------------------------------------------------------------


def words(explorer):
    explorer.display.answer.wait()
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", explorer.display.answer.value)
    return re.sub(r"\s+", " ", html.unescape(text)).strip()


def test_the_answer_is_that_of_the_comparison(logdir):
    explorer = tmnet.explore(logdir, runs=["big", "small"], window=(0, 45), interval=1)
    text, comparison = words(explorer), explorer.comparison
    contrasts = [x for x in comparison.findings() if x.kind == "contrast" and x.axis == "time"]
    assert text.startswith("small − big at 45 min, last ")
    for finding in contrasts:
        assert not finding.stands_out
        assert finding.details["difference"] in text
        assert finding.details.get("95 % CI", finding.details.get("why")) in text
    (ratio,) = [x for x in comparison.findings() if x.reason == "ratio" and not x.stands_out][:1]
    assert f"first finish after {ratio.details['minutes']} × the minutes" in text
    assert "not resolved" in text and "One seed each" in text
    explorer.controls.baseline.value = "small"
    assert words(explorer).startswith("big − small at 45 min")
    explorer.controls.follow.value = True
    assert "not resolved" not in words(explorer) and "points" in words(explorer)
    explorer.close()


def test_a_claim_is_marked_and_one_run_alone_has_no_answer(tmp_path):
    for run, finishes in (("good", True), ("bad", False)):
        records = [(60 * k, 1000 * k, race(30.0 + k % 7, finishes or k < 9)) for k in range(1, 121)]
        write_file(tmp_path / run, records)
    explorer = tmnet.explore(tmp_path, runs=["bad", "good"])
    text = words(explorer)
    assert "claim better: late finish rate" in text and "+100.0 points" in text
    explorer._runs.rows["bad"].box.value = False
    assert "claim" not in words(explorer)
