"""The configuration that a run logged."""

import warnings

import pytest
import yaml
from tbparse import SummaryReader
from tensorboard.compat.proto.types_pb2 import DT_STRING

import tmnet
from tmnet.files import data_path

from ..synthetic import T0, load, write_file
from .event_files import VERSION, scalar, tensor, text, values_event, write_events

TABLE = "|param|value|\n|-|-|\n|lr|0.5|\n|maps|[A01, Hock]|\n|name|big|"
YAML = "lr: 0.5\nmaps: [A01, Hock]\nname: big\n"
JSON = '{"lr": 0.5, "maps": ["A01", "Hock"], "name": "big"}'
CONFIG = {"lr": 0.5, "maps": ["A01", "Hock"], "name": "big"}


@pytest.fixture
def config_of(tmp_path):
    """Function that returns the configuration of a run with these texts."""

    def config(texts):
        write_file(tmp_path / "X", [(60, 1, {"a": 1})], texts=texts)
        return load(tmp_path, "X").config

    return config


@pytest.mark.parametrize(
    "words", [YAML, f"```yaml\n{YAML}```", f"```\n{YAML}```", JSON, TABLE], ids=repr
)
@pytest.mark.parametrize("tag", ["config", "hyperparameters", "Run/args"])
def test_configuration_from_text(config_of, tag, words):
    assert config_of({tag: words}) == CONFIG


def test_nested_configuration(config_of):
    assert config_of({"config": "net:\n  size: 3\nx: 1"}) == {"net": {"size": 3}, "x": 1}


@pytest.mark.parametrize("words", ["about", "- a\n- list", "no: [end", "some words", ""])
def test_no_configuration(config_of, words):
    """In texts that hold no mapping, and in those that are about something else."""
    assert config_of({"about": YAML, "config": words}) == {}


@pytest.mark.parametrize(
    "words, config",
    [
        ('{"lr": 1e-05}', {"lr": 1e-5}),
        ('{\n\t"lr": 0.5\n}', {"lr": 0.5}),
        ("|param|value|\n|-|-|\n|lr|1e-05|\n|name|x|", {"lr": 1e-5, "name": "x"}),
        ("|param|value|\n|-|-|\n|lr|0.5|\n|name|@home|", {"lr": 0.5, "name": "@home"}),
    ],
    ids=repr,
)
def test_configuration_that_is_no_yaml(config_of, words, config):
    """YAML takes 1e-05 for text, and neither tabs nor an @ at the start."""
    assert config_of({"config": words}) == config


def test_a_list_of_texts_is_no_configuration(tmp_path):
    """As ``tf.summary.text`` writes one."""
    two = tensor("config", "text", dtype=DT_STRING, string_val=[b"lr: 1", b"lr: 2"])
    events = [VERSION, values_event(0, two), values_event(1, scalar("a", 1), text("args", b"x: 3"))]
    write_events(tmp_path / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    assert load(tmp_path, "X").config == {"x": 3}


def test_bytes_that_are_no_text(tmp_path):
    events = [VERSION, values_event(1, scalar("a", 1), text("config", b"name: \xff\nlr: 1"))]
    write_events(tmp_path / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    assert load(tmp_path, "X").config == {"name": "\N{REPLACEMENT CHARACTER}", "lr": 1}


def test_the_texts_are_those_that_tbparse_finds():
    """In the recorded runs, which log their configuration as fenced YAML, once a piece."""
    logdir = data_path("runs")
    for run in tmnet.load_runs(logdir, cache=False):
        expected = {"config": {}, "about": {}}
        for path in sorted(path for piece in run.pieces for path in (logdir / piece).iterdir()):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # tbparse is behind the newest pandas
                texts = SummaryReader(str(path), event_types={"text"}).text
            for tag, words in zip(texts["tag"], texts["value"]):
                fenced = words.removeprefix("```yaml\n").removesuffix("```")
                expected[tag] |= yaml.safe_load(fenced)
        assert {"config": run.config, "about": run.about} == expected


def test_of_one_file_the_configuration_of_the_highest_step_counts(tmp_path):
    """Wherever in the file it stands; of one step the one that was written last."""
    texts = [(9, "config", "a: 9\nb: 9"), (5, "config", "a: 5"), (9, "args", "b: 10")]
    events = [VERSION, values_event(9, scalar("a", 1), wall=T0 + 60)]
    events += [values_event(step, text(tag, told.encode()), wall=T0) for step, tag, told in texts]
    write_events(tmp_path / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    assert load(tmp_path, "X").config == {"a": 9, "b": 10}


def test_the_later_configuration_counts(tmp_path):
    """A later process logs it again; entries that it leaves out stay."""
    write_file(tmp_path / "X", [(60, 1, {"a": 1})], texts={"config": "lr: 1\nold: 2"})
    later = {"config": "lr: 3\nnew: 4"}
    write_file(tmp_path / "X", [(960, 2, {"a": 1})], start=900, pid=2, texts=later)
    assert load(tmp_path, "X").config == {"lr": 3, "old": 2, "new": 4}


@pytest.mark.torch_writes
def test_configuration_from_hyperparameters(tmp_path):
    """As torch's ``add_hparams`` writes them."""
    summary = pytest.importorskip("torch.utils.tensorboard.summary")
    logged = summary.hparams({"lr": 0.5, "optimiser": "RAdam", "double": True}, {"metric": 1})
    events = [values_event(0, wall=T0)]
    events += [values_event(0, *x.value, wall=T0) for x in logged]
    events.append(values_event(9, scalar("a", 1), wall=T0 + 60))
    write_events(tmp_path / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    assert load(tmp_path, "X").config == {"lr": 0.5, "optimiser": "RAdam", "double": True}
