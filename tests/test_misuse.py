"""Misuse of the public names: every wrong argument is named in one sentence.

Each argument gets a value of every kind there is, but those that are right for it.
"""

import functools
import json
import re
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tmnet
from tmnet.analysis.axis import Axis
from tmnet.analysis.metrics import Metric
from tmnet.errors import TmnetError
from tmnet.experiments import save_experiment
from tmnet.experiments.config import Deal, Memory, Training
from tmnet.networks import IQN, NetworkConfig
from tmnet.report.study import Study, load_study
from tmnet.training.pace import pace
from tmnet.widgets.explorer.saved import VIEWS

networks, racing = tmnet.networks, tmnet.racing
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

    @functools.cached_property
    def explorer(self):
        return tmnet.explore(self.runs)

    @functools.cached_property
    def experiment(self):
        return tmnet.load_experiment("uni_20")

    config = NetworkConfig(w_downsized=34, h_downsized=34, float_input_dim=3, n_actions=2)
    image, floats = torch.zeros(2, 1, 34, 34), torch.zeros(2, 3)
    tau, ones = torch.full((2, 8), 0.5), torch.ones(2)

    @functools.cached_property
    def network(self):
        return IQN(self.config)

    @functools.cached_property
    def saved(self):
        self.network.save_public(self.folder / "public.pt")
        return self.folder / "public.pt"

    @property
    def losses(self):
        return {"prediction": self.tau, "target": self.tau, "tau": self.tau}

    @property
    def targets(self):
        networks = {"online": self.network, "target": self.network}
        states = {"image": self.image, "floats": self.floats}
        return networks | states | {"reward": self.ones, "discount": self.ones}

    @property
    def transitions(self):
        states = {"image": self.image, "floats": self.floats}
        return states | {"online": self.network, "action": self.ones.long(), "target": self.tau}

    points = np.arange(100)[:, None] * [0.0, 0.0, 0.5]
    road = racing.Track.from_points(points)

    @functools.cached_property
    def env(self):
        return racing.RaceVectorEnv([self.road], 2, None)

    @functools.cached_property
    def single(self):
        return racing.RaceEnv(self.road, None)

    @functools.cached_property
    def replay(self):
        return racing.replay(self.road, [0, 0, 0])

    def show_saved(self, view):
        try:
            (self.folder / VIEWS).write_text(json.dumps({"mine": view}))
        except (TypeError, ValueError):  # nothing that a file can hold
            raise TmnetError("No file can hold these runs.") from None
        self.explorer.show_view("mine")

    def with_key(self, key):
        try:
            values = {key: 1}
        except TypeError:  # no key of any dict
            raise TmnetError("No dict can hold such values.") from None
        return self.experiment.with_values(values)

    def train(self, **options):
        places = {"logdir": self.folder / "logs", "checkpoints": self.folder / "kept"}
        return tmnet.train(**{"experiment": "uni_20", "frames": 8} | places | options)

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
    ("plot_grid", "scales", lambda x, v: x.comparison.plot_grid(scales=v), {"none", "empty dict"}),
    ("plot_grid, one of several", "scales",
     lambda x, v: x.comparison.plot_grid(scales={"loss": v}), {"empty dict"}),
    ("export", "directory", lambda x, v: x.export(directory=v), {"path", *TEXT}),
    ("export", "prefix", lambda x, v: x.export(prefix=v), TEXT),
    ("export", "format", lambda x, v: x.export(formats=v), NAMES),
    ("export", "dpi", lambda x, v: x.export(dpi=v), set()),
    ("export", "order", lambda x, v: x.export(order=v), {"none"}),
    ("export", "width", lambda x, v: x.export(width=v), set()),
    ("answer", "findings", lambda x, v: tmnet.answer(v), {"empty list", "empty array"}),
    ("seeds_needed", "effect", lambda x, v: tmnet.seeds_needed(v), NUMBER),
    ("seeds_needed", "sd", lambda x, v: tmnet.seeds_needed(1, v), NUMBER),
    ("seeds_needed", "power", lambda x, v: tmnet.seeds_needed(1, 1, v), set()),
    ("seeds_needed", "pilot", lambda x, v: tmnet.seeds_needed(1, pilot=v),
     {"none", "two", "array", "tensor"}),
    ("Axis", "by", lambda x, v: Axis(v), TEXT),
    ("Axis", "clock", lambda x, v: Axis("time", v), set()),
    ("Axis.of", "run", lambda x, v: Axis().of(v), {"run"}),
    ("Metric.named", "name", lambda x, v: Metric.named(v), TEXT),
]  # fmt: skip

LOGS = [
    ("read_scalars", "path|file|directory", lambda x, v: tmnet.read_scalars(v), {"empty text"}),
    ("read_scalars", "cache", lambda x, v: tmnet.read_scalars(x.logdir, v), {"true"}),
    ("load_run", "name|run", lambda x, v: tmnet.load_run(v, x.logdir), set()),
    ("load_run", "logdir|log directory|No runs", lambda x, v: tmnet.load_run("a", v), set()),
    ("load_run", "pieces|run", lambda x, v: tmnet.load_run("a", x.logdir, v), {"none"}),
    ("load_run", "cache", lambda x, v: tmnet.load_run("a", x.logdir, None, v), {"true"}),
    ("load_runs", "logdir|log directory|No runs", lambda x, v: tmnet.load_runs(v), {"empty text"}),
    ("load_runs", "cache", lambda x, v: tmnet.load_runs(x.logdir, v), {"true"}),
    ("load_runs", "before", lambda x, v: tmnet.load_runs(x.logdir, True, v), NAMES),
    ("list_runs", "source|log directory|No runs", lambda x, v: tmnet.list_runs(v),
     {"empty text", *NAMES}),
    ("list_runs, one of several", "source", lambda x, v: tmnet.list_runs([v]), {"run"}),
    ("find_logdirs", "folder", lambda x, v: tmnet.find_logdirs(v), {"empty text"}),
    ("default_logdir", "folder", lambda x, v: tmnet.default_logdir(v), {"empty text"}),
    ("find_logdirs", "depth", lambda x, v: tmnet.find_logdirs(x.folder, v), SEED),
]  # fmt: skip

WIDGETS = [
    ("explore", "source|log directory|No runs", lambda x, v: tmnet.explore(v),
     {"run", "empty text"}),  # which is the current folder,
    ("explore, one of several", "source|runs", lambda x, v: tmnet.explore([v]), {"run"}),
    ("explore", "name|view", lambda x, v: tmnet.explore(x.runs, v), {"none"}),
    *(
        (f"view, {name}", name.rstrip("s"),
         lambda x, v, name=name: x.explorer._show({name: v}), right)
        for name, right in {
            "runs": {"none"}, "arms": {"none", "true"}, "baseline": {"none"}, "by": {"none"},
            "clock": {"none"}, "window": WINDOW, "interval": {"none", *NUMBER},
            "step_interval": {"none", *NUMBER}, "metrics": {"none", *NAMES},
            "trailing": {"none", "zero", *NUMBER}, "rule": {"none"}, "at": {"none", *ANY},
            "follow": {"none", "true"}, "group": {"none", *TEXT},
            "order": {"none", "texts", "empty list", "empty array", *TEXT},
            "marks": {"none", "empty dict"}, "smoothing": {"none", *NUMBER}, UNKNOWN: set(),
        }.items()
    ),
    ("saved view", "run", lambda x, v: x.show_saved({"runs": v}), set()),
    ("show_at", "at", lambda x, v: x.explorer.show_at(v), ANY),
    ("show_view", "name|view", lambda x, v: x.explorer.show_view(v), set()),
    ("delete_view", "name|view", lambda x, v: x.explorer.delete_view(v), set()),
    ("save_view", "name", lambda x, v: x.explorer.save_view(v), {"text"}),
    ("write_up", "logdir|log dir|No runs", lambda x, v: tmnet.write_up(v), {"empty text"}),
    ("network_lab", "config", lambda x, v: tmnet.network_lab(v), {"none"}),
    ("network_lab", "logdir", lambda x, v: tmnet.network_lab(None, v), {"none", "path", *TEXT}),
    ("training_panel", "logdir", lambda x, v: tmnet.training_panel(v), {"path", *TEXT}),
    ("training_panel", "checkpoints",
     lambda x, v: tmnet.training_panel(x.folder, v), {"path", *TEXT}),
]  # fmt: skip

EXPERIMENTS = [
    ("load_experiment", "name|experiment", lambda x, v: tmnet.load_experiment(v), set()),
    ("load_study", "name|study", lambda x, v: load_study(v), set()),
    ("save_experiment", "experiment", lambda x, v: save_experiment(v, "uni_20", x.folder), set()),
    ("save_experiment", "name|experiment",
     lambda x, v: save_experiment(replace(x.experiment, name="own"), v, x.folder), set()),
    ("save_experiment", "folder",
     lambda x, v: save_experiment(replace(x.experiment, name="own"), "uni_20", v, overwrite=True),
     {"path", *TEXT}),
    ("pace", "experiment", lambda x, v: pace(v), set()),
    ("pace", "seconds", lambda x, v: pace(x.experiment, v, progress=lambda share: False), NUMBER),
    ("scaled", "scale", lambda x, v: x.experiment.scaled(v), set()),
    ("with_values", "values", lambda x, v: x.experiment.with_values(v), {"empty dict"}),
    ("with_values, a key", "values|field", lambda x, v: x.with_key(v), set()),
    ("with_values, a value", "iqn_n",
     lambda x, v: x.experiment.with_values({"neural_network.iqn_n": v}), set()),
    ("from_dict", "experiment|Experiment|field", lambda x, v: tmnet.Experiment.from_dict(v), set()),
    ("from_dict, a section", "training",
     lambda x, v: tmnet.Experiment.from_dict({"name": "x", "training": v}), {"empty dict"}),
    ("Experiment", "name", lambda x, v: tmnet.Experiment(v), set()),
    *(
        (f"{cls.__name__}", name, lambda x, v, cls=cls, name=name: cls(**{name: v}), right)
        for cls, name, right in (
            (NetworkConfig, "w_downsized", set()), (NetworkConfig, "iqn_n", set()),
            (NetworkConfig, "use_image_head", {"true"}), (Deal, "map", {"none", "path", *TEXT}),
            (Deal, "kind", set()), (Deal, "races", WHOLE), (Training, "kappa", NUMBER),
            (Training, "lr_schedule", {"nested"}), (Training, "precision", set()),
            (Training, "self_loss_ratio", {"none", *NUMBER}), (Memory, "schedule", set()),
        )
    ),
    ("Study", "runs", lambda x, v: Study("t", "q", runs=v), {"texts"}),
    ("Study", "arms", lambda x, v: Study("t", "q", arms=v), set()),
    ("Study", "thresholds", lambda x, v: Study("t", "q", ["a"], thresholds=v),
     {"dict", "empty dict"}),
]  # fmt: skip

TRAINING = [
    (f"train, {name}", name, lambda x, v, name=name: x.train(**{name.partition("|")[0]: v}), right)
    for name, right in {
        "experiment": set(), "seed": {"none", *SEED}, "minutes": {"none", "zero", *NUMBER},
        "frames": {"none", *WHOLE}, "device": {"none"}, "values": {"none", "empty dict"},
        "scale": {"none"}, "resume": {"true"}, "logdir": {"path", *TEXT}, "run_name|name": {"none"},
        "checkpoints": {"path", *TEXT}, "stop": {"none"},
        "progress": {"true", "function", "class"},
    }.items()
]  # fmt: skip

NETWORKS = [
    ("IQN", "config", lambda x, v: IQN(v), set()),
    ("IQN", "float_mean", lambda x, v: IQN(x.config, v), {"none", "array", "tensor"}),
    ("IQN", "float_std", lambda x, v: IQN(x.config, None, v), {"none", "array", "tensor"}),
    ("IQN", "generator", lambda x, v: IQN(x.config, generator=v), {"none"}),
    ("IQN()", "image", lambda x, v: x.network(v, x.floats, x.tau), set()),
    ("IQN()", "float vector", lambda x, v: x.network(x.image, v, x.tau), set()),
    ("IQN()", "tau|quantiles", lambda x, v: x.network(x.image, x.floats, v), set()),
    ("IQN()", "generator", lambda x, v: x.network(x.image, x.floats, 8, v), {"none"}),
    ("mean_q", "tau|quantiles", lambda x, v: x.network.mean_q(x.image, x.floats, v), {"none"}),
    ("greedy_action", "tau|quantiles",
     lambda x, v: x.network.greedy_action(x.image, x.floats, v), {"none"}),
    ("save_public", "path|cannot be written", lambda x, v: x.network.save_public(v), {"text"}),
    ("load_public", "path|cannot be read", lambda x, v: IQN.load_public(v), set()),
    ("load_public", "height", lambda x, v: IQN.load_public(x.saved, v), {"none"}),
    ("anatomy", "config", lambda x, v: networks.anatomy(v), set()),
    ("anatomy", "batch", lambda x, v: networks.anatomy(x.config, v), WHOLE),
    ("anatomy", "device", lambda x, v: networks.anatomy(x.config, 2, v, True), {"none"}),
    ("anatomy", "measure", lambda x, v: networks.anatomy(x.config, measure=v), {"true"}),
    ("anatomy", "progress", lambda x, v: networks.anatomy(x.config, progress=v),
     {"none", "function", "class"}),
    ("costs", "config", lambda x, v: networks.costs(v), set()),
    ("costs", "batch", lambda x, v: networks.costs(x.config, v), WHOLE),
    ("draw_taus", "batch", lambda x, v: networks.draw_taus(v, 8), SEED),
    ("draw_taus", "quantiles", lambda x, v: networks.draw_taus(8, v), set()),
    ("draw_taus", "device", lambda x, v: networks.draw_taus(8, 8, v), set()),
    ("draw_taus", "generator", lambda x, v: networks.draw_taus(8, 8, "cpu", v), {"none"}),
    *(
        (f"quantile_huber_loss, {name}", name,
         lambda x, v, name=name: networks.quantile_huber_loss(**x.losses | {name: v}), right)
        for name, right in {"prediction": set(), "target": set(), "tau": set(), "kappa": NUMBER}
        .items()
    ),
    *(
        (f"target_quantiles, {name}", name,
         lambda x, v, name=name: networks.target_quantiles(**x.targets | {name: v}), set())
        for name in ("online", "target", "image", "reward", "discount")
    ),
    *(
        (f"transition_losses, {name}", name,
         lambda x, v, name=name: networks.transition_losses(**x.transitions | {name: v}), set())
        for name in ("online", "image", "action", "target")
    ),
]  # fmt: skip

RACING = [
    ("load_track", "track", lambda x, v: racing.load_track(v), set()),
    ("from_points", "centre line", lambda x, v: racing.Track.from_points(v), set()),
    ("from_points", "name", lambda x, v: racing.Track.from_points(x.points, v), TEXT),
    ("from_npy", "path|cannot be read", lambda x, v: racing.Track.from_npy(v), set()),
    ("first", "metres", lambda x, v: x.road.first(v), NUMBER),
    ("RaceVectorEnv", "track", lambda x, v: racing.RaceVectorEnv(v), set()),
    ("RaceVectorEnv", "num_envs", lambda x, v: racing.RaceVectorEnv([x.road], v), WHOLE),
    ("RaceVectorEnv", "image_size", lambda x, v: racing.RaceVectorEnv([x.road], 1, v), {"none"}),
    ("RaceVectorEnv", "device", lambda x, v: racing.RaceVectorEnv([x.road], 1, None, v), set()),
    ("RaceVectorEnv", "seed", lambda x, v: racing.RaceVectorEnv([x.road], 1, None, "cpu", v), SEED),
    ("Simulator", "tracks", lambda x, v: racing.Simulator(v), set()),
    ("Simulator, one of several", "tracks", lambda x, v: racing.Simulator([v]), set()),
    ("Simulator", "device", lambda x, v: racing.Simulator([x.road], v), set()),
    ("reset", "seed", lambda x, v: x.env.reset(seed=v), {"none", *SEED}),
    ("reset", "options", lambda x, v: x.env.reset(options=v), {"none", "dict", "empty dict"}),
    ("reset", "reset_mask", lambda x, v: x.env.reset(options={"reset_mask": v}), {"none"}),
    ("step", "actions", lambda x, v: x.env.step(v), set()),
    ("load_state_dict", "state", lambda x, v: x.env.load_state_dict(v), set()),
    ("RaceEnv", "track", lambda x, v: racing.RaceEnv(v), set()),
    ("RaceEnv", "image_size", lambda x, v: racing.RaceEnv(x.road, v), {"none"}),
    ("RaceEnv", "render_mode", lambda x, v: racing.RaceEnv(x.road, None, v), {"none"}),
    ("RaceEnv.step", "action", lambda x, v: x.single.step(v), SEED),
    ("RaceEnv.reset", "seed", lambda x, v: x.single.reset(seed=v), {"none", *SEED}),
    ("RaceEnv.reset", "options", lambda x, v: x.single.reset(options=v),
     {"none", "dict", "empty dict"}),
    ("replay", "track", lambda x, v: racing.replay(v, [0]), set()),
    ("replay", "action", lambda x, v: racing.replay(x.road, v), {"class", "tensor"}),
    ("save", "path|should end in", lambda x, v: x.replay.save(v), set()),
    ("save", "fps", lambda x, v: x.replay.save(x.folder / "x.gif", v), WHOLE),
    ("picture", "row", lambda x, v: x.replay.picture(v), SEED),
    ("drive", "floats", lambda x, v: racing.drive(v), set()),
    ("potential", "floats", lambda x, v: racing.potential(v), set()),
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
        if not re.fullmatch(r"[^\n]{10,900}[^.\n][.…]", said):
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


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("what", "argument", "call", "right"),
    [*LOGS, *COMPARING, *WIDGETS, *EXPERIMENTS, *TRAINING, *NETWORKS, *RACING],
    ids=id_of,
)
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


def test_settings_that_mean_the_same_are_taken(things):
    """And are kept as plain values, which files hold."""
    values = {"training.lr_schedule": np.array([[0, 0.5], [10, 0.25]]), "frames": np.int64(8)}
    made = things.experiment.with_values(values | {"initial_checkpoint": Path("x")})
    assert made.training.lr_schedule == ((0.0, 0.5), (10.0, 0.25))
    assert [type(x) for x in (made.frames, made.initial_checkpoint)] == [int, str]
    assert tmnet.Experiment.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert NetworkConfig(iqn_n=np.uint8(4)) == NetworkConfig(iqn_n=4)
    assert Study("t", "q", ("a", "b")) == Study("t", "q", np.array(["a", "b"]))


def test_tensors_and_tracks_that_mean_the_same_are_taken(things):
    env = racing.RaceVectorEnv((things.road,), np.int64(2), np.array([16, 16]), seed=np.uint8(1))
    assert env.image_size == (16, 16)
    actions = [3, 0, 3]
    paths = [
        racing.replay(things.road, kind(actions)).path for kind in (list, np.array, torch.tensor)
    ]
    assert paths[0].equals(paths[1]) and paths[0].equals(paths[2])
    assert networks.draw_taus(np.int64(2), np.int32(8)).shape == (2, 8)
    mean = IQN(things.config, np.ones(3), [2, 2, 2])
    assert mean.float_mean.tolist() == [1, 1, 1] and mean.float_std.tolist() == [2, 2, 2]
