"""Whatever is chosen in the explorer, in whatever order: what it holds stays whole."""

import random
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import tmnet
from tmnet.report.study import Study
from tmnet.widgets.explorer.answer import Answer
from tmnet.yaml_text import from_yaml, to_yaml

from ..synthetic import race, write_file

NAMES = ("big_1", "big_2", "<i>odd", "short")


@pytest.fixture
def logdirs(tmp_path):
    for folder, length in (("long", 40), ("other", 4)):
        for i, name in enumerate(NAMES):
            minutes = length * (i + 1)
            records = [(60 * k, 100 * k, race(24.0 + i) | {"loss": 1 / k, f"own_{i}": k})
                       for k in range(1, minutes + 1)]  # fmt: skip
            write_file(tmp_path / folder / name, records, texts={"config": f"size: {i // 2}"})
    return tmp_path


def pick(dice, control):
    """Choose any of what a control offers."""
    options = control.options
    control.value = dice.choice(
        [*options.values()] if isinstance(options, dict) else [x[-1] for x in options]
    )


def turn(dice, box):
    box.value = not box.value


def move(dice, explorer, logdirs):
    """Do something that a person could do."""
    controls, editor = explorer.controls, explorer.controls.editor
    x0, x1 = sorted(dice.uniform(0, explorer.comparison.window[1]) for _ in "ab")
    metric = dice.choice(explorer.comparison.metrics).name
    gestures = [
        {"kind": "window", "span": [x0, x1]}, {"kind": "common"}, {"kind": "moment", "at": x1},
        *({"kind": "choice", "metric": metric, "which": which}
          for which in ("log", "full", "difference", "pin")),
    ]  # fmt: skip
    show = explorer._callbacks(lambda: explorer._take_gesture(dice.choice(gestures)))
    places = [x for x in (editor.up, editor.down, editor.pinned, editor.hidden) if not x.disabled]

    def place(_):
        button = dice.choice(places or [controls.every])
        turn(dice, button) if hasattr(button, "value") else button.click()

    def go(_):
        controls.logdir.value = str(logdirs / dice.choice(["long", "other"]))

    def lose_one(_):
        shutil.rmtree(logdirs / "long" / "short", ignore_errors=True)
        controls.reload.click()

    chosen = (
        controls.group, controls.baseline, controls.by, controls.rule, controls.trailing,
        controls.smoothing, editor.run, editor.run, editor.colour,
    )  # fmt: skip
    dice.choice([
        *(lambda dice, x=x: pick(dice, x) for x in chosen),
        lambda dice: turn(dice, dice.choice(controls.runs.children or [editor]).box),
        lambda dice: turn(dice, dice.choice([*explorer._metrics.boxes.values()])),
        lambda dice: setattr(editor.short, "value", dice.choice(["", "x", "big", "<b>", *NAMES])),
        lambda dice: explorer._callbacks(explorer._look)(None),
        show, show, place, place, go, lose_one,
    ])(dice)  # fmt: skip


def check(explorer):
    """What is shown is what is chosen, and looks the same wherever it is."""
    said = [x.value for x in (explorer.display.message, explorer.controls.editor.message)]
    assert not any("report it" in text for text in said)
    if any(said):
        return
    shown = [run.name for run in explorer._runs.shown]
    assert shown == explorer.view["runs"] == explorer._shown.runs
    assert 1 <= len(explorer.comparison.grid) <= 20_000
    made, scene = explorer.comparison, explorer.display.image.scene
    names = list(made.arms) or [run.name for run in made.runs]
    assert names == scene["names"]
    colours = dict(zip(names, scene["colours"]))
    for (_, name), line in explorer._picture.multiples.lines.items():
        if name in colours:
            assert to_hex(line.get_color()) == colours[name]
    arm = {seed: arm for arm, seeds in made.arms.items() for seed in seeds}
    for name in shown:
        called = explorer._shown.called(name)
        swatch = re.search('stroke="(.*?)"', explorer._runs.rows[name].swatch.value)[1]
        assert swatch == colours[arm.get(called, called)]


def check_again(explorer):
    """Its view, its code and its study make the same."""
    again = tmnet.explore(explorer.runs[0].logdir, **explorer.view)
    assert again.view == explorer.view and again.picture == explorer.picture
    *lines, last = explorer.code.splitlines()
    names = {}
    exec("\n".join(lines), names)
    pd.testing.assert_frame_equal(eval(last, names), explorer.comparison.at(explorer.at))
    assert np.array_equal(names["comparison"].values, explorer.comparison.values, equal_nan=True)
    study = explorer._shown.study(explorer.comparison, explorer._colours)
    assert Study.from_dict(from_yaml(to_yaml(study.to_dict()))) == study


def test_a_random_walk(logdirs, monkeypatch):
    monkeypatch.setattr(Answer, "ask", lambda *_: None)  # which takes longer than all the rest
    dice = random.Random(2)
    explorer = tmnet.explore(logdirs / "long", metrics=["A01/eval/best"])
    for i in range(30):
        move(dice, explorer, logdirs)
        check(explorer)
        if i % 15 == 14 and not explorer._callbacks.unfinished:
            check_again(explorer)
