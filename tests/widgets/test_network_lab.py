"""The network lab, driven from Python: what it computes, says, measures and loads."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import tmnet
from tmnet.networks import IQN, NetworkConfig, anatomy


@pytest.fixture
def lab():
    return tmnet.network_lab()


def parameters(config):
    """By torch's count."""
    return sum(tensor.numel() for tensor in IQN(config).parameters())


def picture(lab):
    return np.asarray(Image.open(io.BytesIO(lab.image.value)))


def test_it_starts_small_beside_small_and_big(lab):
    assert lab.config == NetworkConfig.small()
    cells = re.findall(r"<td.*?>\s*([\d,]+) \(x [\d.]+\)", lab.totals.value)
    assert cells[:3] == ["1,051,805", "1,051,805", "6,397,085"]


@pytest.mark.parametrize(
    "knob", ["w_downsized", "h_downsized", "iqn_embedding_dimension", "iqn_n", "iqn_k",
             "float_hidden_dim", "dense_hidden_dimension", "float_input_dim", "n_actions"]
)  # fmt: skip
def test_every_slider_changes_every_panel(lab, knob):
    before = (lab.totals.value, lab.layers.value, lab.yaml.value)
    old = picture(lab)
    slider = lab.sliders[knob]
    slider.value += 8 * slider.step
    after = (lab.totals.value, lab.layers.value, lab.yaml.value)
    assert after[2] != before[2] and (picture(lab) != old).any()
    # k is not seen in training: it changes the cost of a decision, and no layer.
    assert after[0] != before[0] and (after[1] != before[1]) == (knob != "iqn_k")
    assert f"{parameters(lab.config):,} (x " in lab.totals.value
    assert lab.message.value == ""


def test_bars_and_marks_show_the_network(lab):
    lab.sliders["iqn_embedding_dimension"].value = 256
    figure = lab._figure
    network = IQN(lab.config)
    for part, module in {"image head": network.img_head, "advantage head": network.A_head,
                         "quantile embedding": network.iqn_fc}.items():  # fmt: skip
        bar = figure.bars["parameters", 0, part]
        assert bar.get_width() == sum(tensor.numel() for tensor in module.parameters())
    line, mark = figure.curves["iqn_embedding_dimension"]
    assert mark.get_data()[0] == [256] and mark.get_data()[1] == [parameters(lab.config)]
    for value, count in list(zip(*line.get_data()))[::4]:
        config = replace(lab.config, iqn_embedding_dimension=int(value))
        assert count == parameters(config)
    assert len(set(figure.curves["iqn_n"][0].get_ydata())) == 1  # n changes no parameter


def test_curves_of_another_cost(lab):
    lab.cost.value = "flops_per_decision"
    line, _ = lab._figure.curves["iqn_k"]
    k, flops = (np.asarray(values, float) for values in line.get_data())
    slopes = np.diff(flops) / np.diff(k)
    np.testing.assert_allclose(slopes, slopes[0])  # a decision's arithmetic is linear in k
    assert slopes[0] > 0


def test_knobs_that_change_only_the_loss_or_nothing_trained_are_named(lab):
    assert lab.warnings.value == ""
    lab.sliders["iqn_n"].value = 32
    assert "about 4 times" in lab.warnings.value and "k =" not in lab.warnings.value
    lab.sliders["iqn_k"].value = 64
    assert "nothing that is trained" in lab.warnings.value


def test_the_yaml_is_the_network(lab):
    lab.big.click()
    lab.sliders["dense_hidden_dimension"].value = 512
    text = re.search("<pre.*?>(.*)</pre>", lab.yaml.value, re.DOTALL)[1]
    assert lab.copy.value == text
    section = yaml.safe_load(text)["neural_network"]
    assert NetworkConfig(**section) == lab.config == replace(
        NetworkConfig.big(), dense_hidden_dimension=512
    )  # fmt: skip


def test_up_to_three_networks_are_kept(lab):
    for width in (64, 80, 96, 112):
        lab.sliders["w_downsized"].value = width
        lab.keep.click()
    assert list(lab.networks) == ["current", "small", "big", "kept 1", "kept 2", "kept 3"]
    assert [config.w_downsized for config in lab.kept] == [80, 96, 112]
    lab.forget.click()
    assert list(lab.networks) == ["current", "small", "big"]


def test_no_input_is_refused_in_words(lab):
    lab.switches["use_image_head"].value = False
    assert "image head" not in re.sub("<td.*?big.*?</td>", "", lab.yaml.value)
    lab.sliders["float_input_dim"].value = 0
    assert "has no input" in lab.message.value
    lab.switches["use_image_head"].value = True
    assert lab.message.value == "" and lab.config.float_input_dim == 0


def test_measuring_runs_beside_and_can_be_stopped(lab):
    lab.batch.value = 2
    job = lab.measuring
    job.start.click()
    lab.sliders["iqn_n"].value = 4  # does not wait for the measurement
    job.join(60)
    assert not job.start.disabled and job.stop.disabled
    rows = re.findall(r"<tr><td>(\w+)\s*</td><td.*?>\s*([\d.,e+]+)</td>", lab.measured.value)
    assert [name for name, _ in rows] == ["current", "small", "big"]
    assert all(float(ms.replace(",", "")) > 0 for _, ms in rows)
    lab.measured.value = ""
    lab._measure()(lambda share: False)  # as when Stop is clicked at once
    assert "current" in lab.measured.value and "small" not in lab.measured.value


def test_a_checkpoint_sets_the_sliders_and_is_drawn(lab, tmp_path):
    config = replace(NetworkConfig.big(), n_actions=5, w_downsized=96, h_downsized=96)
    IQN(config, generator=torch.Generator().manual_seed(0)).save_public(tmp_path / "weights.pt")
    lab.path.value = str(tmp_path / "weights.pt")
    lab.load.click()
    assert lab.message.value == "" and lab.config == config
    first = bytes(lab.checkpoint.value)
    assert Image.open(io.BytesIO(first)).size[0] > 800
    lab.seed.value = 3
    assert bytes(lab.checkpoint.value) != first
    (tmp_path / "text.pt").write_text("no weights")
    for path, said in (
        (tmp_path / "none.pt", "cannot be read"), (tmp_path, "cannot be read"),
        (tmp_path / "text.pt", "is not a checkpoint"), (" ", "Give the path"),
        ("uni_20", "uni_20 cannot be read"),
    ):  # fmt: skip
        lab.path.value = str(path)
        lab.load.click()
        assert said in lab.message.value and lab.config == config
    lab.training.train.click()
    assert "has 12 actions" in lab.training.message.value and not lab.training.panel.children


def test_it_can_start_anywhere():
    config = NetworkConfig(w_downsized=300, h_downsized=40, use_image_head=True, iqn_n=128)
    lab = tmnet.network_lab(config)
    assert lab.config == config
    assert f"{anatomy(config).totals['parameters']:,}" in lab.totals.value


@pytest.mark.parametrize("name", ["current", "small", "big"])
def test_layers_of_one_network_beside_the_small_one(lab, name):
    lab.sliders["iqn_embedding_dimension"].value = 256
    lab.shown.value = name
    rows = re.findall(r"<tr>(<td.*?)</tr>", lab.layers.value)
    cells = [re.findall(r"<td.*?>\s*(.*?)\s*</td>", row) for row in rows]
    network, small = IQN(lab.networks[name]), IQN(NetworkConfig.small())
    modules = {"image head, convolution 2": ("img_head", 2), "quantile embedding, linear":
               ("iqn_fc", 0), "value head, linear 1": ("V_head", 0)}  # fmt: skip
    table = {row[0]: row[1:] for row in cells}
    assert len(table) == 12  # eleven layers, and all
    for layer, (part, i) in modules.items():
        mine, theirs = (
            sum(x.numel() for x in getattr(net, part)[i].parameters()) for net in (network, small)
        )
        _, parameters, ratio, *_ = table[layer]
        assert parameters == f"{mine:,}" and ratio == f"{mine / theirs:.2f}"
    assert table["all"][1] == f"{parameters_of(network):,}"
    width = 4864 if name == "big" else 768
    n = lab.networks[name].iqn_n
    assert table["quantile embedding, linear"][0] == f"{n} x {width}"
    assert int(table["quantile embedding, linear"][3].replace(",", "")) == (
        n * width * lab.networks[name].iqn_embedding_dimension
    )


def parameters_of(network):
    return sum(tensor.numel() for tensor in network.parameters())


def test_pooling_and_norms_are_kept():
    config = NetworkConfig(global_average_pooling=True, layer_norm=True)
    lab = tmnet.network_lab(config)
    assert lab.config == config
    assert f"{parameters(config):,} (x " in lab.totals.value and "norm of the state" in (
        lab.layers.value
    )
