"""The knobs of the network lab: their sliders, how they are swept, and what they do not change."""

from __future__ import annotations

from dataclasses import replace

from tmnet.experiments.config import SMALLEST_IMAGE, NetworkConfig

# (lowest, highest, step) of each knob that has a slider, and what it is
KNOBS = {
    "w_downsized": (SMALLEST_IMAGE, 256, 2, "Image width (px)"),
    "h_downsized": (SMALLEST_IMAGE, 256, 2, "Image height (px)"),
    "iqn_embedding_dimension": (16, 512, 16, "Embedding (cosines)"),
    "iqn_n": (2, 64, 2, "Training quantiles n"),
    "iqn_k": (2, 128, 2, "Acting quantiles k"),
    "float_hidden_dim": (16, 1024, 16, "Float layers (width)"),
    "dense_hidden_dimension": (64, 4096, 64, "Heads (width)"),
    "float_input_dim": (0, 512, 1, "Floats (length)"),
    "n_actions": (2, 64, 1, "Actions"),
}
SWEPT = {name: label for name, (*_, label) in KNOBS.items() if name != "h_downsized"}
SWEPT["w_downsized"] = "Image size (px wide)"  # the height goes with the width
SWEEP_STEPS = 12
SWITCHES = {
    "use_image_head": "Image head",
    "global_average_pooling": "Average pooling",
    "layer_norm": "Layer norm",
}


def sweep(name: str) -> list[int]:
    """Values of a knob, evenly spread over its slider."""
    low, high, step, _ = KNOBS[name]
    low = max(low, step)  # without floats there may be no input at all
    return sorted(
        {low + step * round(i * (high - low) / step / SWEEP_STEPS) for i in range(SWEEP_STEPS + 1)}
    )


def turned(config: NetworkConfig, name: str, value: int) -> NetworkConfig:
    """The network with one knob turned; an image keeps its shape."""
    if name != "w_downsized":
        return replace(config, **{name: value})
    height = round(value * config.h_downsized / config.w_downsized)
    return replace(config, w_downsized=value, h_downsized=max(height, SMALLEST_IMAGE))


def warnings(config: NetworkConfig) -> str:
    """What does not make a network bigger, though it looks like it."""
    small, sentences = NetworkConfig.small(), []
    if config.iqn_n != small.iqn_n:
        sentences.append(
            f"n = {config.iqn_n}: no parameter changes. The loss is about "
            f"{config.iqn_n / small.iqn_n:g} times that of n = {small.iqn_n} at equal errors, so "
            "compare losses per quantile; and a batch costs more."
        )
    if config.iqn_k != small.iqn_k:
        sentences.append(
            f"k = {config.iqn_k}: nothing that is trained changes, only how finely an action's "
            "mean is sampled, and what a decision costs."
        )
    lines = "".join(f"<div style='margin-top:4px'>{text}</div>" for text in sentences)
    style = "border-left:4px solid #de8f05;padding:0 8px;line-height:1.3;font-size:90%"
    return f"<div style='{style}'>{lines}</div>" if lines else ""
