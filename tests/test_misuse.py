"""Misuse of the public names: every wrong argument is named in one sentence.

Each argument gets a value of every kind there is, but those that are right for it.
"""

import functools
import re
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tmnet
from tmnet.analysis.axis import Axis
from tmnet.analysis.metrics import Metric
from tmnet.errors import TmnetError

UNKNOWN = "no such thing"


class Things:
    """What is misused, made when it is first used."""

    def __init__(self, logdir, folder):
        self.logdir, self.folder = logdir, folder

    @functools.cached_property
    def runs(self):
        return tmnet.load_runs(self.logdir)

    @functools.cached_property
    def comparison(self):
        return tmnet.compare(self.runs)

    @functools.cached_property
    def arms(self):
        return tmnet.compare({"arm": self.runs}, metrics=["loss"])

    def compare(self, **options):
        return tmnet.compare(self.runs, **{"metrics": ["loss"]} | options)

    def export(self, **options):
        options = {"directory": self.folder / "out", "prefix": "p", "formats": ["png"]} | options
        return self.comparison.export(**options)


def values(x):
    """A value of every kind, by the name of the kind."""
    return {
        "none": None, "true": True, "zero": 0, "minus": -3, "one": 1, "fraction": 2.5,
        "nan": float("nan"), "infinity": float("inf"), "huge": 10**400, "giant": 10**5000,
        "complex": 1j, "text": UNKNOWN, "empty text": "", "bytes": b"bytes", "path": Path("x/y"),
        "list": [1, None], "texts": [UNKNOWN, "other"], "empty list": [], "two": (3.0, 5.0),
        "nested": [[0, 1], [2, 3]], "dict": {UNKNOWN: 1}, "keys": {5: 1}, "empty dict": {},
        "set": {1, 2}, "generator": (name for name in ("a", None)), "function": lambda *_: None,
        "class": int, "object": object(), "array": np.arange(3.0), "empty array": np.empty(0),
        "missing": np.array([np.nan, np.nan]), "scalar": np.float64("nan"),
        "frame": pd.DataFrame({"a": [1, 2]}), "series": pd.Series([1, None]), "nothing": pd.NA,
        "time": pd.Timestamp(0), "tensor": torch.arange(3), "run": x.runs[0], "module": types,
    }  # fmt: skip


NUMBER = {"one", "fraction"}  # above 0
ANY = {*NUMBER, "zero", "minus"}
WHOLE = {"one"}
SEED = {"zero", "one"}
TEXT = {"text", "empty text"}
WINDOW = {"none", "two"}
NAMES = {"empty list", "empty array"}

# What is called, the argument, the call, and the kinds that are right for it.
COMPARING = [
    ("example_runs", "which", lambda x, v: tmnet.example_runs(v), set()),
    ("compare", "runs", lambda x, v: tmnet.compare(v), {"run"}),
    ("compare, one of several", "runs", lambda x, v: tmnet.compare([v]), {"run"}),
    ("compare, an arm", "runs", lambda x, v: tmnet.compare({"arm": v}), {"run"}),
    ("compare", "by|axis", lambda x, v: x.compare(by=v), set()),
    ("compare", "interval", lambda x, v: x.compare(interval=v), {"none", *NUMBER}),
    ("compare", "window", lambda x, v: x.compare(window=v), WINDOW),
    ("compare, begin", "window", lambda x, v: x.compare(window=(v, 5)), ANY),
    ("compare, end", "window", lambda x, v: x.compare(window=(0, v)), ANY - {"minus"}),
    ("compare", "metric", lambda x, v: x.compare(metrics=v), {"none", *NAMES}),
    ("compare, one of several", "metric", lambda x, v: x.compare(metrics=[v]), set()),
    ("compare", "clock", lambda x, v: x.compare(clock=v), set()),
    ("compare", "trailing", lambda x, v: x.compare(trailing=v), {"none", *NUMBER}),
    ("compare", "rule", lambda x, v: x.compare(rule=v), set()),
    ("again", "by|axis", lambda x, v: x.comparison.again(by=v), set()),
    ("again", "interval", lambda x, v: x.comparison.again(interval=v), {"none", *NUMBER}),
    ("again", "window", lambda x, v: x.comparison.again(window=v), WINDOW),
    ("again", "metric", lambda x, v: x.comparison.again(metrics=v), {"none", *NAMES}),
    ("at", "t", lambda x, v: x.comparison.at(v), ANY),
    ("races_behind", "t", lambda x, v: x.comparison.races_behind(v), ANY),
    ("table", "name", lambda x, v: x.comparison.table(v), set()),
    ("arm_table", "name", lambda x, v: x.arms.arm_table(v), set()),
    ("arm_table", "seed", lambda x, v: x.arms.arm_table("loss", v), SEED),
    ("only", "names|metric", lambda x, v: x.comparison.only(v), NAMES),
    ("only, one of several", "names|metric", lambda x, v: x.comparison.only([v]), set()),
    ("findings", "thresholds", lambda x, v: x.comparison.findings(v), {"none", "empty dict"}),
    ("findings, a level", "A01/eval/best",
     lambda x, v: x.comparison.findings({"A01/eval/best": v}), ANY),
    ("findings", "after|moment", lambda x, v: x.comparison.findings(after=v),
     {"none", "zero", *NUMBER}),
    ("findings", "seed", lambda x, v: x.comparison.findings(seed=v), SEED),
    ("plot", "name", lambda x, v: x.comparison.plot(v), set()),
    ("plot", "order", lambda x, v: x.comparison.plot("loss", order=v), {"none"}),
    ("plot_grid", "names|metric", lambda x, v: x.comparison.plot_grid(v), {"none", *NAMES}),
    ("plot_grid", "order", lambda x, v: x.comparison.plot_grid(["loss"], order=v), {"none"}),
    ("plot_grid", "dpi", lambda x, v: x.comparison.plot_grid(["loss"], dpi=v), set()),
    ("plot_grid", "columns", lambda x, v: x.comparison.plot_grid(columns=v), {"none", "one"}),
    ("plot_grid", "width", lambda x, v: x.comparison.plot_grid(["loss"], width=v), set()),
    ("export", "directory", lambda x, v: x.export(directory=v), {"path", *TEXT}),
    ("export", "prefix", lambda x, v: x.export(prefix=v), TEXT),
    ("export", "format", lambda x, v: x.export(formats=v), NAMES),
    ("export", "dpi", lambda x, v: x.export(dpi=v), set()),
    ("export", "order", lambda x, v: x.export(order=v), {"none"}),
    ("export", "width", lambda x, v: x.export(width=v), set()),
    ("Axis", "by", lambda x, v: Axis(v), TEXT),
    ("Axis", "clock", lambda x, v: Axis("time", v), set()),
    ("Axis.of", "run", lambda x, v: Axis().of(v), {"run"}),
    ("Metric.named", "name", lambda x, v: Metric.named(v), TEXT),
]  # fmt: skip


@pytest.fixture(scope="module")
def things(three_runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("misuse")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield Things(three_runs, folder)


def complaint(call, argument, value):
    """What is wrong with how a misuse is refused; nothing, if it is refused as it should be."""
    try:
        made = call(value)
    except TmnetError as error:
        said = str(error)
        if error.__context__ is not None and not error.__suppress_context__:
            return f"a traceback behind it: {error.__context__!r}"
        if not re.fullmatch(r"[^\n]{10,500}[^.\n][.…]", said):
            return f"no sentence: {said}"
        texts = (
            [value] if isinstance(value, str) else value if isinstance(value, (list, dict)) else ()
        )
        named = [text for text in texts if isinstance(text, str) and text]
        if not re.search(argument, said) and not any(text in said for text in named):
            return f"neither argument nor value: {said}"
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return f"taken: {made!r}"[:100]


def id_of(what):
    return what if isinstance(what, str) else ""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("what", "argument", "call", "right"), COMPARING, ids=id_of)
def test_misuse(things, what, argument, call, right):
    kinds = values(things)
    assert right <= set(kinds)
    said = {
        kind: text
        for kind, value in kinds.items()
        if kind not in right
        and (text := complaint(functools.partial(call, things), argument, value))
    }
    assert not said


def test_what_means_the_same_is_taken(things):
    """NumPy's numbers, arrays and tuples, and paths."""
    plain = things.compare(interval=5, window=(0, 30), trailing=10)
    other = tmnet.compare(
        np.array(things.runs, object), metrics=np.array(["loss"]), interval=np.float32(5),
        window=np.array([0, 30]), trailing=np.array(10),
    )  # fmt: skip
    pd.testing.assert_frame_equal(plain.frame, other.frame)
    assert plain.at(15).equals(other.at(np.int64(15))) and other.only(("loss",)).metrics
    assert plain.findings(seed=0, after=5) == other.findings(seed=np.uint8(0), after=np.float64(5))
    files = things.export(directory=str(things.folder / "a"), formats=("csv",), dpi=np.int16(50))
    assert files == [things.folder / "a" / "p_table.csv"]
