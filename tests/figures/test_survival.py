"""When seeds get somewhere, and effects: figures of arms."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import tmnet
from tmnet.errors import TmnetError
from tmnet.export import export_survival
from tmnet.figures import plot_effects, plot_survival

from ..synthetic import load, race, write_file
from .lines import line_of

# First finish of each seed, minutes, or that it has none; and how long it runs.
SEEDS = {"big": [(3, 20), (5, 20), (5, 20), (None, 12), (None, 20)], "small": [(8, 20), (2, 20)]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    logdir, arms = tmp_path_factory.mktemp("survival"), {}
    for arm, seeds in SEEDS.items():
        for i, (first, minutes) in enumerate(seeds):
            records = [
                (60 * k, 100 * k + i, race(30.0) if first and k >= first else race(300.0, False))
                for k in range(1, minutes + 1)
            ]
            write_file(logdir / f"{arm}{i}", records)
        arms[arm] = [load(logdir, f"{arm}{i}") for i in range(len(seeds))]
    return tmnet.compare(arms, window=(0, 20), interval=1)


def share_left(seeds, moment):
    """Kaplan and Meier's product, term by term."""
    share = 1.0
    for t in sorted({first for first, _ in seeds if first and first <= moment}):
        watched = sum((first or minutes) >= t for first, minutes in seeds)
        share *= 1 - sum(first == t for first, _ in seeds) / watched
    return 100 * share


def ticks_of(ax, colour):
    """Where seeds end that are not there: (x, y)."""
    lines = [line for line in ax.lines if line.get_marker() == "|"]
    return [
        point for line in lines if to_rgb(line.get_color()) == colour
        for point in zip(*line.get_data())
    ]  # fmt: skip


def curve_of(ax, number):
    return [line for line in ax.lines if line.get_drawstyle() == "steps-post"][number]


@pytest.mark.parametrize("width", ["page", "column"])
def test_curves(study, width):
    (ax,) = plot_survival(study, "A01/eval/first_finish", width=width).axes
    for number, seeds in enumerate(SEEDS.values()):
        line = curve_of(ax, number)
        x, y = line.get_data()
        for moment in np.arange(0.5, max(minutes for _, minutes in seeds)):
            passed = np.flatnonzero(x <= moment)[-1]
            if moment < x[-1]:
                assert y[passed] == pytest.approx(share_left(seeds, moment))
        ends = [minutes for first, minutes in seeds if first is None]
        assert ticks_of(ax, to_rgb(line.get_color())) == [
            (end, pytest.approx(share_left(seeds, end))) for end in ends
        ]
    band = ax.collections[0].get_datalim(ax.transData)
    assert 0 <= band.y0 < 40 < band.y1 <= 100


def test_numbers_below_say_who_is_left(study):
    figure = plot_survival(study, "A01/eval/first_finish")
    (ax,) = figure.axes
    ticks = [tick for tick in ax.get_xticks() if 0 <= tick <= 20]
    texts = [text.get_text() for text in ax.texts]
    rows = {}
    for arm, seeds in SEEDS.items():
        begin = texts.index(arm) + 1
        rows[arm] = texts[begin : begin + len(ticks)]
        left = [sum((first or minutes) >= tick for first, minutes in seeds) for tick in ticks]
        assert rows[arm] == [str(number) for number in left]
    assert rows["big"][0] == "5" and rows["big"][-1] == "1"
    figure.canvas.draw()
    below = [text.get_window_extent() for text in ax.texts]
    axis = ax.xaxis.get_tightbbox(figure.canvas.get_renderer())
    room = figure.get_window_extent()
    for i, box in enumerate(below):
        assert box.y1 <= axis.y0 and room.x0 <= box.x0 and box.x1 <= room.x1
        assert not any(box.overlaps(other) for other in below[:i])


def test_a_level_and_what_it_is_counted_from(study):
    """Of the rate of all races since the start half is passed later than the first finish."""
    ax = plot_survival(study, "A01/eval/finish_rate", level=0.5).axes[0]
    x, y = curve_of(ax, 0).get_data()
    # of the first at 3 of 2, then at 4 of 4; of the others at 5 of 4, then at 8 of 8
    assert x[1:3].tolist() == [4, 8] and y[1:3] == pytest.approx([80, 40])
    assert ax.get_title(loc="left") == "A01 eval: finish rate of 50.0 %, since the start"


def test_seeds_from_a_checkpoint_are_not_among_them(tmp_path):
    """As in findings: when another's training got there says nothing of these."""
    arms = {"told": [], "fair": []}
    for i in range(4):
        arm = "told" if i == 3 else "fair"
        began = {"config": "initial_checkpoint: other\n" if i > 1 else ""}
        records = [(60 * k, 100 * k + i, race(30.0, k > 2)) for k in range(1, 21)]
        write_file(tmp_path / f"{i}", records, texts=began)
        arms[arm].append(load(tmp_path, f"{i}"))
    ax = plot_survival(tmnet.compare(arms), "A01/eval/first_finish").axes[0]
    texts = [text.get_text() for text in ax.texts]
    assert "told" not in texts and texts[texts.index("fair") + 1] == "2"
    with pytest.raises(TmnetError, match="needs some that start from scratch"):
        plot_survival(tmnet.compare({"fair": arms["fair"][2:]}), "A01/eval/first_finish")


def test_what_has_no_curve(study, runs):
    with pytest.raises(TmnetError, match="needs arms"):
        plot_survival(tmnet.compare(runs), "A01/eval/first_finish")
    with pytest.raises(TmnetError, match="A01/eval/best needs the level to reach"):
        plot_survival(study, "A01/eval/best")
    with pytest.raises(TmnetError, match="first_finish is a moment, and has no level"):
        plot_survival(study, "A01/eval/first_finish", level=3)
    with pytest.raises(TmnetError, match="no better and worse"):
        plot_survival(study, "A01/eval/races", level=3)


def test_its_file(study, tmp_path):
    name, options = "A01/eval/first_finish", {"prefix": "exp", "kinds": ["png"], "dpi": 30}
    for comparison, suffix in ((study, ""), (study.again(by="step"), "_by_step")):
        (file,) = export_survival(
            comparison, name, tmp_path, order=["big", "small"], width="page", **options
        )
        assert file.name == f"exp_A01_first_finish_survival{suffix}.png" and file.is_file()


# --- effects ------------------------------------------------------------------------------------

EFFECTS = [
    ("image", 7.9, -3.4, 19.0), ("embedding", 14.0, 6.0, 22.0), ("n", -9.0, -12.0, -6.0),
    ("k", 1.0, np.nan, np.nan), ("unknown", np.nan, np.nan, np.nan),
]  # fmt: skip


@pytest.mark.parametrize("width", ["page", "column"])
def test_effects(width):
    figure = plot_effects(EFFECTS, "effect on the finish rate (points)", width=width)
    (ax,) = figure.axes
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["n", "k", "image", "embedding"]  # from below
    bars = [path.vertices for path in ax.collections[0].get_paths()]
    known = {name: (low, high) for name, _, low, high in EFFECTS if np.isfinite(low)}
    assert {
        names[round(bar[0, 1])]: tuple(bar[:, 0]) for bar in bars if np.isfinite(bar).all()
    } == (known)
    dots = {
        (names[round(y)], x): line.get_markerfacecolor() != "white"
        for line in ax.lines if line.get_marker() == "o" for x, y in zip(*line.get_data())
    }  # fmt: skip
    assert dots == {("n", -9): True, ("k", 1): False, ("image", 7.9): False,
                    ("embedding", 14): True}  # fmt: skip
    assert line_of(ax, "zero").get_xdata() == [0, 0]
    figure.canvas.draw()
    room, box = figure.get_window_extent(), ax.get_tightbbox(figure.canvas.get_renderer())
    assert room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1


def test_no_effects():
    with pytest.raises(TmnetError, match="no effects to draw"):
        plot_effects(EFFECTS[-1:], "points")


@pytest.mark.parametrize("wrong", [("image", 7.9), ("image", 7.9, -3.4, "much"), "image", 7.9])
def test_what_is_no_effect_is_refused_in_a_sentence(wrong):
    told = "must be tuples of a name, an effect and the two ends of its interval"
    with pytest.raises(TmnetError, match=told):
        plot_effects([*EFFECTS, wrong], "points")
