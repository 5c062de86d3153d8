"""Public checkpoints: what is written is read again, and what is none is refused."""

import io
import pathlib
import pickle
from collections import OrderedDict
from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tmnet.networks import IQN, NetworkConfig

from ..checks import refused
from .nets import (  # fmt: skip
    BIG,
    BLIND_BIG,
    BLIND_SMALL,
    SMALL,
    WIDE,
    configs,
    generator,
    network,
    states,
)

# 32 features of the image, the fewest that there can be; sizes that a file tells.
LEAST = NetworkConfig(
    w_downsized=40, h_downsized=40, iqn_embedding_dimension=5, float_hidden_dim=6,
    dense_hidden_dimension=14, float_input_dim=7, n_actions=3,
)  # fmt: skip
SHAPES = {
    "img_head.0.weight": (16, 1, 4, 4), "img_head.0.bias": (16,),
    "img_head.2.weight": (32, 16, 4, 4), "img_head.2.bias": (32,),
    "img_head.4.weight": (64, 32, 3, 3), "img_head.4.bias": (64,),
    "img_head.6.weight": (32, 64, 3, 3), "img_head.6.bias": (32,),
    "float_feature_extractor.0.weight": (6, 7), "float_feature_extractor.0.bias": (6,),
    "float_feature_extractor.2.weight": (6, 6), "float_feature_extractor.2.bias": (6,),
    "A_head.0.weight": (7, 38), "A_head.0.bias": (7,),
    "A_head.2.weight": (3, 7), "A_head.2.bias": (3,),
    "V_head.0.weight": (7, 38), "V_head.0.bias": (7,),
    "V_head.2.weight": (1, 7), "V_head.2.bias": (1,),
    "iqn_fc.0.weight": (38, 5), "iqn_fc.0.bias": (38,),
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.torch"


def random_state():
    """What a public checkpoint of the configuration LEAST holds."""
    random = generator(0)
    return {name: torch.randn(shape, generator=random) for name, shape in SHAPES.items()}


def saved(thing, **options) -> bytes:
    file = io.BytesIO()
    torch.save(thing, file, **options)
    return file.getvalue()


# --- reading what was written -------------------------------------------------------------------


@pytest.mark.parametrize(
    "config, height",
    [
        (replace(SMALL, w_downsized=34, h_downsized=34), None),
        (replace(SMALL, w_downsized=68, h_downsized=68), None),
        (replace(SMALL, w_downsized=65, h_downsized=101), None),
        (replace(SMALL, iqn_n=20, iqn_k=2), None),
        (SMALL, None),
        (BIG, None),
        (WIDE, None),
        (WIDE, 120),
        (replace(SMALL, w_downsized=40, h_downsized=132), 132),
        (BLIND_SMALL, None),
        (replace(BLIND_BIG, iqn_n=16, iqn_k=64), None),
        (replace(LEAST, float_input_dim=0, float_hidden_dim=256), None),
        (replace(LEAST, w_downsized=80, h_downsized=80), None),
        (replace(BLIND_SMALL, float_hidden_dim=3, dense_hidden_dimension=10), None),
    ],
    ids=[
        "34 px", "68 px", "65 x 101", "other n and k", "small", "big", "120 x 160",
        "120 x 160, told", "132 x 40, told", "no image", "no image, 256",
        "no floats", "other widths", "no image, other widths",
    ],
)  # fmt: skip
def test_round_trip(path, config, height):
    net = network(config)
    net.save_public(str(path))
    read = IQN.load_public(str(path), height, net.float_mean, net.float_std)
    assert read.config == config
    before, after = net.state_dict(), read.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    inputs, tau = states(config, 2), torch.rand(2, 4, generator=generator(0))
    assert torch.equal(net(*inputs, tau)[0], read(*inputs, tau)[0])


def test_what_a_file_holds(path):
    net = network(LEAST)
    net.save_public(path)
    state = torch.load(path, weights_only=True)
    assert type(state) is OrderedDict  # as torch's own
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == SHAPES
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    assert not any(tensor.requires_grad for tensor in state.values())
    assert all(torch.equal(tensor, net.state_dict()[name]) for name, tensor in state.items())
    assert path.stat().st_size < 4 * sum(x.numel() for x in state.values()) + 10_000


def test_others_read_it(path):
    """Strictly, as torch does, into a network of another program with these names."""
    net = network(LEAST)
    net.save_public(path)
    other = IQN(LEAST, net.float_mean, net.float_std)
    for name in ("float_mean", "float_std"):  # which public networks do not have
        value = getattr(other, name)
        delattr(other, name)
        setattr(other, name, value)
    other.load_state_dict(torch.load(path, weights_only=True), strict=True)
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, net.state_dict()[name])


@settings(max_examples=25)
@given(config=configs())
def test_any_network(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("any") / "weights.torch"
    network(config).save_public(path)
    assert IQN.load_public(path).config == config


def test_another_height_than_the_file_tells(path):
    network(LEAST).save_public(path)
    assert IQN.load_public(path, 40).config == LEAST
    refused(lambda: IQN.load_public(path, 48), path, "40 pixels", 48)


@pytest.mark.parametrize(
    "told, words",
    [(3, ["damaged"]), ({"n": 3}, ["damaged", "n"]), ({"iqn_n": 3}, ["damaged", "iqn_n", "even"]),
     ({"iqn_n": "8"}, ["damaged", "iqn_n"]), ({"w_downsized": 80}, ["has the shape"])],
)  # fmt: skip
def test_a_configuration_that_does_not_fit(path, told, words):
    network(LEAST).save_public(path)
    state = torch.load(path, weights_only=True)
    beside = state._metadata[""]
    beside["tmnet_config"] = told if "w_downsized" not in str(told) else (
        beside["tmnet_config"] | told
    )  # fmt: skip
    torch.save(state, path)
    refused(lambda: IQN.load_public(path), path, *words)


@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
@pytest.mark.parametrize("zipped", [True, False])
def test_file_of_others(path, prefix, zipped):
    state = random_state()
    named = {prefix + name: tensor for name, tensor in state.items()}
    path.write_bytes(saved(named, _use_new_zipfile_serialization=zipped))
    net = IQN.load_public(path)
    assert net.config == LEAST
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in state.items())
    assert torch.equal(net.float_mean, torch.zeros(7)) and torch.equal(net.float_std, torch.ones(7))


def test_mean_that_does_not_fit(path):
    path.write_bytes(saved(random_state()))
    refused(lambda: IQN.load_public(path, float_mean=torch.zeros(6)), "float_mean", "(6,)", "(7,)")


def test_nowhere_to_write(path):
    refused(lambda: network(LEAST).save_public(path / "no" / "folder"), path, "cannot be written")


# --- what does not fit --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
def test_missing_tensor(path, name):
    state = random_state()
    del state[name]
    path.write_bytes(saved(state))
    refused(lambda: IQN.load_public(path), path, name, "missing")


@pytest.mark.parametrize("name", ["A_head.4.weight", "float_mean", "img_head.8.bias", "step"])
def test_extra_tensor(path, name):
    path.write_bytes(saved(random_state() | {name: torch.zeros(7)}))
    refused(lambda: IQN.load_public(path), path, name, "should not be")


@pytest.mark.parametrize(
    "name, shape, expected",
    [
        ("V_head.0.weight", (38, 7), (7, 38)),
        ("V_head.0.weight", (7, 39), (7, 38)),
        ("A_head.0.weight", (7, 39), (7, 38)),
        ("A_head.2.weight", (3, 8), (3, 7)),
        ("A_head.2.bias", (4,), (3,)),
        ("img_head.0.weight", (16, 3, 4, 4), (16, 1, 4, 4)),
        ("img_head.6.bias", (), (32,)),
        ("float_feature_extractor.2.weight", (6, 5), (6, 6)),
        ("iqn_fc.0.bias", (39,), (38,)),
        ("iqn_fc.0.weight", (38,), "two dimensions"),
        ("A_head.0.weight", (7, 38, 1), "two dimensions"),
        ("float_feature_extractor.0.weight", (), "two dimensions"),
    ],
)
def test_wrong_shape(path, name, shape, expected):
    path.write_bytes(saved(random_state() | {name: torch.zeros(shape)}))
    refused(lambda: IQN.load_public(path), path, name, shape, expected)


@pytest.mark.parametrize("width", [6, 5, 37, 39])
def test_features_of_no_image(path, width):
    """32 features a pixel and 6 of the floats are needed."""
    path.write_bytes(saved(random_state() | {"iqn_fc.0.weight": torch.zeros(width, 5)}))
    refused(lambda: IQN.load_public(path), path, f"{width - 6} features", "32 x height x width")


@pytest.mark.parametrize("height, words", [(64, ["64 pixels"]), (10, [10, 34]), (0, [0])])
def test_wrong_height(path, height, words):
    path.write_bytes(saved(random_state()))
    refused(lambda: IQN.load_public(path, height), *words)


# --- what is no checkpoint ----------------------------------------------------------------------

WHOLE = {zipped: saved(random_state(), _use_new_zipfile_serialization=zipped)
         for zipped in (True, False)}  # fmt: skip


def refuse(folder, content):
    path = folder / "weights.torch"
    path.write_bytes(content)
    refused(lambda: IQN.load_public(path), path, "checkpoint of weights alone")


@pytest.mark.parametrize("zipped", WHOLE)
def test_truncated_file(tmp_path, zipped):
    whole = WHOLE[zipped]

    @settings(max_examples=60)
    @given(st.integers(0, len(whole) - 1) | st.integers(0, 3000))
    @example(0)
    @example(1)
    @example(100)
    @example(len(whole) - 1)
    def check(size):
        refuse(tmp_path, whole[:size])

    check()


@pytest.mark.parametrize(
    "content",
    [b"", b"Weights of a network\n", b"a line", b"q line", b".hidden", b"1,2,3\n", b"{}", b"J",
     b"PK\x03\x04 and no more", b"\x80 is a byte", b"././@PaxHeader"],
)  # fmt: skip
def test_other_file(tmp_path, content):
    refuse(tmp_path, content)


def test_any_bytes(tmp_path):
    @settings(max_examples=100)
    @given(st.binary(max_size=40))
    def check(content):
        refuse(tmp_path, content)

    check()


def test_no_file(path):
    refused(lambda: IQN.load_public(path), path, "No such file")
    refused(lambda: IQN.load_public(path.parent), path.parent, "cannot be read")


@pytest.mark.parametrize(
    "thing",
    [{"A_head.0.weight": 1.5}, random_state() | {"epoch": 3}, {"model": random_state()},
     list(random_state().values()), torch.zeros(3), None],
    ids=["numbers", "a number too", "a dict of dicts", "a list", "a tensor", "None"],
)  # fmt: skip
def test_no_state_dict(path, thing):
    path.write_bytes(saved(thing))
    refused(lambda: IQN.load_public(path), path, "state dict", "names and tensors")


def test_empty_state_dict(path):
    path.write_bytes(saved({}))
    refused(lambda: IQN.load_public(path), path, "missing")


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return pathlib.Path.touch, (self.made,)


@pytest.mark.parametrize(
    "write",
    [pickle.dumps, saved, lambda thing: saved(thing, _use_new_zipfile_serialization=False)],
    ids=["pickle", "zip", "legacy"],
)
def test_code_is_not_run(tmp_path, write):
    made = tmp_path / "made"
    content = write(random_state() | {"code": Code(made)})
    if write is pickle.dumps:
        pickle.loads(content)
    else:
        torch.load(io.BytesIO(content), weights_only=False)
    assert made.exists()  # it is dangerous
    made.unlink()
    refuse(tmp_path, content)
    assert not made.exists()
