"""The network lab: turn the knobs of the network, and see at once what they cost."""

from __future__ import annotations

import dataclasses
import math
import threading
from dataclasses import replace

import ipywidgets as widgets
import pandas as pd
from matplotlib.ticker import EngFormatter

from tmnet.arguments import of_kind
from tmnet.experiments.config import SMALLEST_IMAGE, NetworkConfig
from tmnet.networks.anatomy import anatomy
from tmnet.networks.costs import costs
from tmnet.networks.iqn import IQN
from tmnet.safe_text import lines_for_html
from tmnet.text_table import render
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.checkpoint_figure import checkpoint_png
from tmnet.widgets.network_figure import MOST_NETWORKS, PARTS, NetworkFigure
from tmnet.widgets.parts import FULL, Pictured, dropdown, heading, label_tooltips

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
SWEPT = [name for name in KNOBS if name != "h_downsized"]  # it goes with the width
SWEEP_STEPS = 12  # of a sweep
COSTS = {
    "parameters": ("parameters", ""),
    "flops_per_decision": ("arithmetic of a decision", "FLOPs"),
    "flops_per_batch": ("arithmetic of a training batch", "FLOPs"),
    "activation_bytes": ("activation memory of a training batch", "B"),
    "state_bytes": ("a state in memory", "B"),
}
MOST_KEPT = MOST_NETWORKS - 3  # beside the current one, small and big
SIZE = "w_downsized, h_downsized"


def network_lab(config: NetworkConfig | None = None) -> NetworkLab:
    """Turn the knobs of the network, and see what each costs.

    Parameters
    ----------
    config : NetworkConfig, optional
        Where to start; the small network by default.

    Returns
    -------
    NetworkLab
        A widget. Its `config` is the network that the sliders describe.
    """
    return NetworkLab(NetworkConfig.small() if config is None else config)


class NetworkLab(Pictured, widgets.HBox):
    """See `network_lab`."""

    def __init__(self, config: NetworkConfig):
        of_kind("config", config, NetworkConfig)
        self.kept: list[NetworkConfig] = []
        self.network: IQN | None = None  # of the loaded checkpoint
        self._stop = threading.Event()
        self._measuring: threading.Thread | None = None
        self._figure = NetworkFigure({_sweep_name(name): _sweep(name) for name in SWEPT})
        self._make_controls()
        self._make_display()
        self._callbacks = Callbacks(self.message)
        super().__init__(layout={"width": "100%"})
        self._arrange()
        label_tooltips(self)
        self.config = config
        self._observe()

    @property
    def picture(self) -> bytes:
        """What is drawn, as a PNG."""
        return bytes(self.image.value)

    @property
    def config(self) -> NetworkConfig:
        """The network that the sliders describe."""
        values = {name: slider.value for name, slider in self.sliders.items()}
        return NetworkConfig(**values, use_image_head=self.use_image.value)

    @config.setter
    def config(self, config: NetworkConfig) -> None:
        of_kind("config", config, NetworkConfig)
        with self._callbacks.off():
            for name, slider in self.sliders.items():
                value = getattr(config, name)
                slider.min, slider.max = min(slider.min, value), max(slider.max, value)
                slider.value = value
            self.use_image.value = config.use_image_head
        self._show()

    # --- making ---------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        style = {"description_width": "150px"}
        fields = {field.name: field for field in dataclasses.fields(NetworkConfig)}
        self.sliders = {
            name: widgets.IntSlider(
                min=low, max=high, step=step, value=fields[name].default, description=label,
                tooltip=name, readout_format="d", style=style, layout=FULL,
            )
            for name, (low, high, step, label) in KNOBS.items()
        }  # fmt: skip
        self.use_image = widgets.Checkbox(
            True, description="Image head", tooltip="use_image_head", indent=False
        )
        self.cost = dropdown(
            "Curves of", {label: name for name, (label, _) in COSTS.items()}, "What the curves show"
        )
        self.small = widgets.Button(description="Small", tooltip="The small published network")
        self.big = widgets.Button(description="Big", tooltip="The big published network")
        self.keep = widgets.Button(
            description="Keep", icon="thumb-tack", tooltip="Show this network beside later ones"
        )
        self.forget = widgets.Button(description="Forget kept", tooltip="Show no kept network")
        self.warnings = widgets.HTML()

    def _make_display(self) -> None:
        self.message = widgets.HTML()
        self.totals, self.layers, self.yaml = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.image = widgets.Image(format="png", layout={"max_width": "100%"})
        self.batch = widgets.BoundedIntText(
            512, min=1, max=1 << 16, description="Batch", tooltip="Transitions in a training batch"
        )
        self.measure = widgets.Button(
            description="Measure", icon="clock-o", button_style="primary",
            tooltip="Time a decision and a training batch on this machine",
        )  # fmt: skip
        self.stop = widgets.Button(
            description="Stop", icon="stop", disabled=True, tooltip="End the measuring"
        )
        self.progress = widgets.FloatProgress(
            min=0, max=1, description="Measured", tooltip="How much of the measuring is done"
        )
        self.measured = widgets.HTML()
        self.path = widgets.Text(
            description="Checkpoint", placeholder="file with the weights of a public checkpoint",
            tooltip="A state dict; it is read without running code", layout={"width": "70%"},
        )  # fmt: skip
        self.load = widgets.Button(
            description="Load", icon="folder-open", tooltip="Show what the file's network answers"
        )
        self.seed = widgets.IntSlider(
            0, min=0, max=100, description="State (seed)", tooltip="A random state, by its seed"
        )
        self.checkpoint = widgets.Image(format="png", layout={"max_width": "100%"})
        self.checkpoint.layout.display = "none"

    def _arrange(self) -> None:
        row = widgets.HBox([self.small, self.big])
        kept = widgets.HBox([self.keep, self.forget])
        controls = widgets.VBox(
            [heading("Network"), row, *self.sliders.values(), self.use_image, kept,
             self.warnings, heading("Curves"), self.cost],
            layout={"flex": "0 0 400px", "width": "400px", "padding": "0 10px 0 0"},
        )  # fmt: skip
        tabs = widgets.Tab(
            [
                self.layers,
                self.yaml,
                widgets.VBox([
                    self.batch, widgets.HBox([self.measure, self.stop, self.progress]),
                    self.measured,
                ]),
                widgets.VBox([
                    widgets.HBox([self.path, self.load]), self.seed, self.checkpoint,
                ]),
            ],
            titles=("Layers", "YAML", "Measure", "Checkpoint"),
            selected_index=0,
        )  # fmt: skip
        display = widgets.VBox(
            [self.message, self.totals, self.image, tabs],
            layout={"flex": "1 1 0", "min_width": "600px", "overflow": "hidden"},
        )
        self.children = [controls, display]

    def _observe(self) -> None:
        call = self._callbacks
        for control in (*self.sliders.values(), self.use_image, self.cost):
            control.observe(call(self._show), "value")
        self.small.on_click(call(lambda: setattr(self, "config", NetworkConfig.small())))
        self.big.on_click(call(lambda: setattr(self, "config", NetworkConfig.big())))
        self.keep.on_click(call(self._keep))
        self.forget.on_click(call(self._forget))
        self.measure.on_click(call(self._measure))
        self.stop.on_click(lambda _: self._stop.set())
        self.load.on_click(call(self._load))
        self.seed.observe(call(self._show_checkpoint), "value")

    # --- showing --------------------------------------------------------------------------------

    @property
    def networks(self) -> dict[str, NetworkConfig]:
        """The networks that are shown, by name."""
        kept = {f"kept {i + 1}": config for i, config in enumerate(self.kept)}
        small, big = NetworkConfig.small(), NetworkConfig.big()
        return {"current": self.config, "small": small, "big": big, **kept}

    def _show(self) -> None:
        networks = self.networks
        totals = {name: costs(config) for name, config in networks.items()}
        self.totals.value = render(_totals_table(totals), "html")
        layers = {name: anatomy(config) for name, config in networks.items()}
        self.layers.value = render(_layers_table(layers), "html")
        self.yaml.value = f"<pre>{lines_for_html(networks['current'].to_yaml())}</pre>"
        self.warnings.value = _warnings(networks["current"])
        self._draw(networks, layers, totals["current"])

    def _draw(self, networks, layers, totals) -> None:
        cost, current = self.cost.value, networks["current"]
        parts = []
        for network in layers.values():
            by_part = network.by_part()
            parts.append({name: (row.parameters, 2 * row.macs)
                          for name, row in zip(by_part.index, by_part.itertuples())})  # fmt: skip
        sweeps = {
            _sweep_name(name): [
                costs(_turned(current, name, value))[cost] for value in _sweep(name)
            ]
            for name in SWEPT
        }
        here = {_sweep_name(name): getattr(current, name) for name in SWEPT}
        label, unit = COSTS[cost]
        self._figure.update(list(networks), parts, sweeps, here, totals[cost], unit or label)
        self.image.value = self._figure.png()

    def _keep(self) -> None:
        self.kept = [*self.kept, self.config][-MOST_KEPT:]
        self._show()

    def _forget(self) -> None:
        self.kept = []
        self._show()

    # --- measuring ------------------------------------------------------------------------------

    def _measure(self) -> None:
        if self._measuring is not None and self._measuring.is_alive():
            return
        self._stop.clear()
        self.measure.disabled, self.stop.disabled = True, False
        networks, batch = self.networks, self.batch.value
        self._measuring = threading.Thread(
            target=self._callbacks(lambda: self._measure_all(networks, batch), lock=False),
            args=(None,),
            daemon=True,
        )
        self._measuring.start()

    def _measure_all(self, networks: dict[str, NetworkConfig], batch: int) -> None:
        rows = {}
        try:
            for i, (name, config) in enumerate(networks.items()):

                def show(share: float, done: int = i) -> bool:
                    self.progress.value = (done + share) / len(networks)
                    return not self._stop.is_set()

                times = anatomy(config, batch, measure=True, progress=show).totals
                measured = [times[f"ms_per_{what}"] for what in ("decision", "batch")]
                rows[name] = ["–" if math.isnan(ms) else f"{ms:,.3g}" for ms in measured]
                self.measured.value = render(_times_table(rows, batch), "html")
                if self._stop.is_set():
                    break
        finally:
            self.measure.disabled, self.stop.disabled = False, True

    # --- checkpoints ----------------------------------------------------------------------------

    def _load(self) -> None:
        self.network = IQN.load_public(self.path.value)
        self.config = self.network.config
        self._show_checkpoint()

    def _show_checkpoint(self) -> None:
        if self.network is not None:
            self.checkpoint.value = checkpoint_png(self.network, self.seed.value)
            self.checkpoint.layout.display = ""


def _sweep(name: str) -> list[int]:
    """Values of a knob, evenly spread over its slider."""
    low, high, step, _ = KNOBS[name]
    low = max(low, step)  # without floats there may be no input at all
    return sorted(
        {low + step * round(i * (high - low) / step / SWEEP_STEPS) for i in range(SWEEP_STEPS + 1)}
    )


def _sweep_name(name: str) -> str:
    return SIZE if name == "w_downsized" else name


def _turned(config: NetworkConfig, name: str, value: int) -> NetworkConfig:
    """The network with one knob turned; an image keeps its shape."""
    if name != "w_downsized":
        return replace(config, **{name: value})
    height = round(value * config.h_downsized / config.w_downsized)
    return replace(config, w_downsized=value, h_downsized=max(height, SMALLEST_IMAGE))


def _totals_table(totals: dict[str, dict[str, int]]) -> pd.DataFrame:
    rows = {}
    for cost, (label, unit) in COSTS.items():
        show = EngFormatter(unit, places=1) if unit else "{:,}".format
        reference = totals["small"][cost]
        rows[label] = [
            f"{show(total[cost])} (x {total[cost] / reference:.2f})" for total in totals.values()
        ]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(totals))


def _layers_table(networks) -> pd.DataFrame:
    """Output and parameters of every layer, a column a network; dashes where it has none."""
    cells = {}
    for name, network in networks.items():
        for row in network.layers.itertuples():
            shape = " x ".join(map(str, row.output))
            layer = cells.setdefault(f"{row.part}, {row.layer}", {})
            layer[name] = f"{shape}: {row.parameters:,} / {row.macs:,}"
    names = sorted(cells, key=lambda name: PARTS.index(name.rpartition(",")[0]))
    table = pd.DataFrame([[cells[name].get(net, "–") for net in networks] for name in names])
    return table.set_axis(names).set_axis(list(networks), axis=1).rename_axis(
        "layer (output of a state: parameters / multiply-adds)"
    )  # fmt: skip


def _times_table(rows: dict[str, list[str]], batch: int) -> pd.DataFrame:
    columns = ["a decision (ms)", f"a training batch of {batch} (ms)"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _warnings(config: NetworkConfig) -> str:
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
