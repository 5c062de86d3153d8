"""Configurations of any tool: what can be read is read, and nobody stumbles over the rest."""

import json
import tracemalloc

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING

import tmnet
from tmnet.errors import TmnetError
from tmnet.logs.config import MOST_BYTES, MOST_DIGITS
from tmnet.widgets.explorer.moment import config_html
from tmnet.yaml_text import MOST_LEVELS, dotted, from_yaml

from ..logs.event_files import VERSION, scalar, tensor, text, values_event, write_events
from ..synthetic import T0, load, race, write_file
from .texts import any_texts, examples

ROWS = [
    (60 * k, 1000 * k, race(20.0) | {"loss": 1.0 / k, "cumul_number_batches_done": 100 * k})
    for k in range(1, 6)
]


def told(folder, words, tag="config"):
    """What a run with such a text says of itself."""
    events = [VERSION, values_event(0, text(tag, words), wall=T0)]
    events += [values_event(step, scalar("a", 1), wall=T0 + 60 * step) for step in (1, 2)]
    write_events(folder / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    return load(folder, "X").told


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi")
)
MERGED = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    "words, reason",
    [
        (LAUGHS, "aliases stand for more than"),
        (MERGED, "aliases stand for more than"),
        ("|k|v|\n|-|-|\n|a|1|\n|b|" + LAUGHS.replace("\n", " ") + "|", ""),
        ("a: &a\n  b: *a", "contains itself (line 2)"),
        ("&a [*a]", "contains itself"),
        ("a: " + "[" * 200_000, f"more than {MOST_LEVELS} levels"),
        ("- " * 200_000 + "a", f"more than {MOST_LEVELS} levels"),
        ('{"a":' * 50_000, "levels"),
        ("[" * 900 + "]" * 900, f"more than {MOST_LEVELS} levels"),
        ("{[1]: 2}", "unhashable key (line 1)"),
        ("x: 1\n" * (MOST_BYTES // 5 + 1), f"more than {MOST_BYTES:,} bytes"),
    ],
    ids=range(11),
)
def test_what_is_too_much_is_left_out_with_a_note(tmp_path, words, reason):
    """Before it is made: neither time nor memory is that of what it stands for."""
    tracemalloc.start()
    found = told(tmp_path, words.encode())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40e6 + 5 * len(words)
    if reason:
        (note,) = found.notes
        assert found.config == {} and reason in note and str(tmp_path) in note
    else:
        assert isinstance(found.config, dict)


def test_of_many_texts_the_last_count(tmp_path):
    half = "x" * (MOST_BYTES // 2)
    texts = [(k, f"a: {k}\nb{k}: {half}") for k in range(1, 4)]
    events = [VERSION, values_event(9, scalar("a", 1), wall=T0 + 60)]
    events += [values_event(k, text("config", words.encode()), wall=T0) for k, words in texts]
    write_events(tmp_path / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    found = load(tmp_path, "X").told
    assert found.config == {"a": 3, "b3": half}
    assert [note.partition(" are left")[0] for note in found.notes] == [
        f"Of 3 texts with configuration in {tmp_path / 'X'} the first 2"
    ]


NINES = "9" * (MOST_DIGITS + 1)


@pytest.mark.parametrize(
    "words, config",
    [
        (f"a: {NINES}\nb: 1", {"a": NINES, "b": 1}),
        (f'{{"a": {NINES}, "b": 1}}', {"a": NINES, "b": 1}),
        (f"a: 0x{'f' * 100_000}", {"a": f"0x{'f' * 100_000}"}),
        ("a: " + ":".join(["1"] * 5000), {"a": ":".join(["1"] * 5000)}),
        ("a: 2024-13-45\nb: .inf\nc: -.inf", {"a": "2024-13-45", "b": float("inf"),
                                              "c": float("-inf")}),
        ("a: !!python/tuple [1, 2]\nb: !Own {c: 1}\nd: !!python/name:os.system ''",
         {"a": [1, 2], "b": {"c": 1}, "d": ""}),
        ("!!python/object:argparse.Namespace\nlr: 0.5", {"lr": 0.5}),
        ("a: !!binary aGk=\nb: !!set {x, y}", {"a": "aGk=", "b": {"x": None, "y": None}}),
        ("a: &a {x: 1}\nb: {<<: *a, y: 2}", {"a": {"x": 1}, "b": {"x": 1, "y": 2}}),
        ("1: a\ntrue: b\nnull: c", {1: "b", None: "c"}),
        ('{"a": "\\ud800", "\\udc80": "\\ud83d\\ude00"}',
         {"a": r"\ud800", r"\udc80": "\N{GRINNING FACE}"}),
        (b"a: \xff\xfe", {"a": "\ufffd\ufffd"}),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_can_be_read_is_read(tmp_path, words, config):
    words = words if isinstance(words, bytes) else words.encode()
    found = told(tmp_path, words)
    assert (found.config, found.notes) == (config, [])


@pytest.mark.parametrize("shape", [[], [0], [1], [2], [1, 1], [3, 2]])
def test_texts_of_any_shape(tmp_path, shape):
    count = 1
    for size in shape:
        count *= size
    dims = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape])
    words = tensor("config", "text", dtype=DT_STRING, string_val=[b"x: 1"] * count,
                   tensor_shape=dims)  # fmt: skip
    number = tensor("config", "text", dtype=DT_FLOAT, float_val=[1.0] * count, tensor_shape=dims)
    broken = tensor("config", "hparams", dtype=DT_STRING)
    broken.metadata.plugin_data.content = b"\xff\xff\xff"
    events = [VERSION, values_event(0, words, number, broken), values_event(1, scalar("a", 1))]
    write_events(tmp_path / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    assert load(tmp_path, "X").config == ({"x": 1} if count == 1 else {})


def test_a_log_that_is_gone_since(tmp_path):
    path = write_file(tmp_path / "X", ROWS, texts={"config": "a: 1"})
    run = load(tmp_path, "X")
    path.unlink()
    assert run.config == {} and "cannot be read" in run.told.notes[0]


@pytest.mark.parametrize("words", [LAUGHS, "a: &a [*a]", "[" * 500])
def test_files_of_people_are_looked_at_first_as_well(words):
    with pytest.raises(TmnetError, match=r"this YAML is too much: .* \(line"):
        from_yaml(words)


# --- whatever the fields hold ---------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_texts
    | st.sampled_from(["auto", 0, -1, 1e308, 10**290, 2**70]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NETWORK = {"iqn_n": 8, "iqn_k": 32, "w_downsized": 64, "h_downsized": 64, "n_actions": 12}
GOOD = {"neural_network": NETWORK, "training": {"batch_size": 512}, "map_cycle": [{"map": "A01"}]}


@st.composite
def configurations(draw):
    """One of tmnet's own, in which anything may be anything else."""
    config = json.loads(json.dumps(GOOD))
    config["initial_checkpoint"] = draw(plain)
    for name in draw(st.sets(st.sampled_from([*GOOD]))):
        config[name] = draw(plain | st.fixed_dictionaries({"batch_size": plain, "iqn_n": plain}))
    for name in draw(st.sets(st.sampled_from([*NETWORK]), max_size=2)):
        if isinstance(config["neural_network"], dict):
            config["neural_network"][name] = draw(plain)
    return config | draw(st.dictionaries(any_texts, plain, max_size=2))


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_any_configuration_is_compared_and_judged(tmp_path_factory):
    @examples(25)
    @given(st.lists(configurations(), min_size=2, max_size=2), st.booleans())
    def check(configs, as_yaml):
        folder = tmp_path_factory.mktemp("any")
        write = (lambda x: yaml.safe_dump(x, allow_unicode=True)) if as_yaml else json.dumps
        for i, config in enumerate(configs):
            words = write(config).encode("utf-8", "replace").decode()
            texts = {"config": words, "about": words}
            write_file(folder / f"r{i}", ROWS, start=i, pid=i, texts=texts)
        runs = [load(folder, f"r{i}") for i in range(2)]
        comparison = tmnet.compare(runs, interval=1)
        assert comparison.findings() and isinstance(comparison.notes, list)
        assert comparison.config_diff().shape[1] == 2 and config_html(comparison)
        assert all(dotted(run.config) and run.about for run in runs)
        try:
            assert comparison.again(by="flops").findings()
        except TmnetError as error:
            assert "arithmetic" in str(error) or "network" in str(error)

    check()


@pytest.mark.parametrize("words", ["iqn_n: auto", "[1]", "true", "iqn_n: -1", "iqn_n: 1.5", "3"])
def test_a_network_that_is_none_of_ours_has_no_arithmetic(tmp_path, words):
    config = f"training: {{batch_size: 512}}\nneural_network:\n  {words}"
    write_file(tmp_path / "X", ROWS, texts={"config": config})
    with pytest.raises(TmnetError, match=r"Run X (logged no network of ours|did not log)"):
        tmnet.compare([load(tmp_path, "X")], by="flops")
