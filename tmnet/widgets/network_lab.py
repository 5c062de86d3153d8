"""The network lab: turn the knobs of the network, and see at once what they cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from tmnet.arguments import a_path, of_kind
from tmnet.errors import TmnetError
from tmnet.experiments.config import NetworkConfig
from tmnet.files import LOGDIR, example_runs
from tmnet.networks.anatomy import Anatomy, anatomy
from tmnet.networks.costs import costs
from tmnet.networks.iqn import IQN
from tmnet.safe_text import lines_for_html
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.checkpoint_figure import checkpoint_png
from tmnet.widgets.job import Job, Progress
from tmnet.widgets.network_figure import MOST_NETWORKS, NetworkFigure
from tmnet.widgets.network_knobs import KNOBS, SWEPT, SWITCHES, sweep, turned, warnings
from tmnet.widgets.network_runs import NetworkRuns
from tmnet.widgets.network_tables import COSTS, layers_html, times_html, totals_html
from tmnet.widgets.network_training import NetworkTraining
from tmnet.widgets.parts import (
    CopyButton,
    Pictured,
    beside,
    dropdown,
    heading,
    label_tooltips,
)

MOST_KEPT = MOST_NETWORKS - 3  # beside the current one, small and big
RUNS = 4  # number of the tab of what size bought


def network_lab(
    config: NetworkConfig | None = None, logdir: str | Path | None = None
) -> NetworkLab:
    """Turn the knobs of the network, see what each costs, and what size bought.

    Parameters
    ----------
    config : NetworkConfig, optional
        Where to start; the small network by default.
    logdir : str or Path, optional
        Whose runs show what size bought, and where trainings go, beside which lie their checkpoints
        and the user's own experiments; by default `tensorboard` in the current folder. As long as
        there are no runs in it, those that come with tmnet are shown.

    Returns
    -------
    NetworkLab
        A widget. Its `config` is the network that the sliders describe.
    """
    config = NetworkConfig.small() if config is None else of_kind("config", config, NetworkConfig)
    return NetworkLab(config, a_path("logdir", LOGDIR if logdir is None else logdir))


class NetworkLab(Pictured, widgets.VBox):
    """See `network_lab`."""

    def __init__(self, config: NetworkConfig, logdir: Path):
        self.kept: list[NetworkConfig] = []
        self.network: IQN | None = None  # of the loaded checkpoint
        self._figure = NetworkFigure({name: (label, sweep(name)) for name, label in SWEPT.items()})
        self.message = widgets.HTML()
        self._callbacks = Callbacks(self.message)
        self._make_controls()
        self._make_display()
        # nothing is trained into what comes with tmnet
        home = Path(LOGDIR) if logdir.absolute() == example_runs() else logdir
        self.training = NetworkTraining(lambda: self.config, home, self._callbacks)
        self.runs = NetworkRuns(logdir, self._callbacks)
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
        knobs = {**self.sliders, **self.switches}
        return NetworkConfig(**{name: knob.value for name, knob in knobs.items()})

    @config.setter
    def config(self, config: NetworkConfig) -> None:
        of_kind("config", config, NetworkConfig)
        with self._callbacks.off():
            for name, slider in self.sliders.items():
                value = getattr(config, name)
                slider.min, slider.max = min(slider.min, value), max(slider.max, value)
                slider.value = value
            for name, switch in self.switches.items():
                switch.value = getattr(config, name)
        self._show()

    # --- making ---------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        style = {"description_width": "150px"}
        fields = {field.name: field for field in dataclasses.fields(NetworkConfig)}
        self.sliders = {
            name: widgets.IntSlider(
                min=low, max=high, step=step, value=fields[name].default, description=label,
                tooltip=name, readout_format="d", style=style,
                layout={"flex": "1 1 300px", "width": "auto"},
            )
            for name, (low, high, step, label) in KNOBS.items()
        }  # fmt: skip
        self.switches = {
            name: widgets.Checkbox(
                fields[name].default, description=label, tooltip=name, indent=False,
                layout={"width": "auto", "margin": "0 16px 0 0"},
            )
            for name, label in SWITCHES.items()
        }  # fmt: skip
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
        self.totals, self.layers, self.yaml = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.copy = CopyButton(tooltip="Copy the YAML")
        self.shown = dropdown("Network", ["current"], "Whose layers are listed")
        self.shown.layout.width = "300px"
        self.image = widgets.Image(
            format="png",
            layout={"width": "calc(100% - 4px)", "max_width": "936px", "height": "auto"},
        )
        self.batch = widgets.BoundedIntText(
            512, min=1, max=1 << 16, description="Batch", tooltip="Transitions in a training batch",
            layout={"width": "220px"},
        )  # fmt: skip
        self.measuring = Job(
            "Measure", "clock-o", "Time a decision and a training batch on this machine",
            self._measure, self._callbacks,
        )  # fmt: skip
        self.measured = widgets.HTML()
        self.path = widgets.Text(
            description="Checkpoint", placeholder="file with the weights of a public checkpoint",
            tooltip="A state dict; it is read without running code",
            layout={"flex": "1 1 300px", "width": "auto"},
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
        # in as many columns as there is room for
        sliders = widgets.HBox([*self.sliders.values()], layout={"flex_flow": "row wrap"})
        switches = widgets.HBox([*self.switches.values()], layout={"flex_flow": "row wrap"})
        buttons = [self.small, self.big, self.keep, self.forget]
        controls = widgets.VBox(
            [heading("Network"), widgets.HBox(buttons, layout={"flex_flow": "row wrap"}),
             sliders, switches, self.warnings, heading("Curves"), self.cost,
             heading("Train it"), self.training],
        )  # fmt: skip
        loading = widgets.HBox([self.path, self.load], layout={"flex_flow": "row wrap"})
        self.tabs = widgets.Tab(
            [
                widgets.VBox([self.shown, self.layers]),
                widgets.VBox([self.yaml, self.copy]),
                widgets.VBox([self.batch, self.measuring, self.measured]),
                widgets.VBox([loading, self.seed, self.checkpoint]),
                self.runs,
            ],
            titles=("Layers", "YAML", "Measure", "Checkpoint", "What size bought"),
            selected_index=0,
        )
        display = widgets.VBox([self.message, self.totals, self.image, self.tabs])
        self.children = [beside(controls, display), self.training.panel]

    def _observe(self) -> None:
        call = self._callbacks
        for control in (*self.sliders.values(), *self.switches.values(), self.cost):
            control.observe(call(self._show), "value")
        self.shown.observe(call(self._show_layers), "value")
        self.tabs.observe(call(self._open_tab), "selected_index")
        self.small.on_click(call(lambda: setattr(self, "config", NetworkConfig.small())))
        self.big.on_click(call(lambda: setattr(self, "config", NetworkConfig.big())))
        self.keep.on_click(call(self._keep))
        self.forget.on_click(call(self._forget))
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
        self.totals.value = totals_html(totals)
        layers = {name: anatomy(config) for name, config in networks.items()}
        with self._callbacks.off():
            shown = self.shown.value if self.shown.value in networks else "current"
            self.shown.options, self.shown.value = [*networks], shown
        self.layers.value = layers_html(layers[shown], layers["small"])
        text = networks["current"].to_yaml()
        self.yaml.value = (
            f"<pre style='white-space:pre-wrap;word-break:normal'>{lines_for_html(text)}</pre>"
        )
        self.copy.value = text
        self.warnings.value = warnings(networks["current"])
        self.training.forget_estimate()
        self._draw(networks, layers, totals["current"])

    def _show_layers(self) -> None:
        self.layers.value = layers_html(
            anatomy(self.networks[self.shown.value]), anatomy(NetworkConfig.small())
        )

    def _open_tab(self) -> None:
        if self.tabs.selected_index == RUNS:
            self.runs.read_once()

    def _draw(
        self,
        networks: dict[str, NetworkConfig],
        layers: dict[str, Anatomy],
        totals: dict[str, int],
    ) -> None:
        cost, current = self.cost.value, networks["current"]
        parts = []
        for network in layers.values():
            by_part = network.by_part()
            parts.append({name: (row.parameters, 2 * row.macs)
                          for name, row in zip(by_part.index, by_part.itertuples())})  # fmt: skip
        sweeps = {
            name: [costs(turned(current, name, value))[cost] for value in sweep(name)]
            for name in SWEPT
        }
        here = {name: getattr(current, name) for name in SWEPT}
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

    def _measure(self) -> Callable[[Progress], None]:
        networks, batch = self.networks, self.batch.value

        def measure(progress: Progress) -> None:
            rows = {}
            for i, (name, config) in enumerate(networks.items()):
                goes_on = True

                def show(share: float, done: int = i) -> bool:
                    nonlocal goes_on
                    goes_on = progress((done + share) / len(networks))
                    return goes_on

                times = anatomy(config, batch, measure=True, progress=show).totals
                measured = [times[f"ms_per_{what}"] for what in ("decision", "batch")]
                rows[name] = ["–" if math.isnan(ms) else f"{ms:,.3g}" for ms in measured]
                self.measured.value = times_html(rows, batch)
                if not goes_on:
                    break

        return measure

    # --- checkpoints ----------------------------------------------------------------------------

    def _load(self) -> None:
        path = self.path.value.strip()
        if not path:
            raise TmnetError("Give the path of a checkpoint: a file with the weights of a network.")
        self.network = IQN.load_public(path)
        self.config = self.network.config
        self._show_checkpoint()

    def _show_checkpoint(self) -> None:
        if self.network is not None:
            self.checkpoint.value = checkpoint_png(self.network, self.seed.value)
            self.checkpoint.layout.display = ""
