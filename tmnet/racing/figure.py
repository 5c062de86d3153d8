"""Figures of a race: its path, and the animation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import seaborn as sns
from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from tmnet.arguments import a_whole_number
from tmnet.drawing import AggFigure, styled
from tmnet.errors import TmnetError
from tmnet.files import check_output, make_directory, write_output
from tmnet.progress import progress_bar
from tmnet.racing.race import Race
from tmnet.racing.simulator import ACTION
from tmnet.racing.track import AFTER, BEFORE, ROAD, SPACING

DISTANCE = "distance along the track (m)"
_SPEED_COLOURS = "viridis"
_INPUTS = ("accelerate", "brake", "left", "right")


def plot(race: Race) -> Figure:
    """Plan view coloured by speed; speed, inputs and altitude over distance."""
    with styled():
        figure = AggFigure((11.5, 6.6), dpi=100, layout="constrained")
        grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.15), height_ratios=(2, 1.1, 1))
        plan = figure.add_subplot(grid[:, 0])
        coloured = draw_plan(plan, race)
        figure.colorbar(coloured, ax=plan, label="speed (km/h)", shrink=0.6, location="bottom")
        speed = figure.add_subplot(grid[0, 1])
        draw_speed(speed, race)
        _draw_inputs(figure.add_subplot(grid[1, 1], sharex=speed), race)
        _draw_altitude(figure.add_subplot(grid[2, 1], sharex=speed), race)
        for ax in figure.axes[2:4]:
            ax.tick_params(labelbottom=False)
        figure.suptitle(_title(race), weight="bold")
    return figure


def _title(race: Race) -> str:
    if race.finished:
        return f"{race.track.name}: finished in {race.time_s:.3f} s"
    driven = race.path.progress_m.iloc[-1]
    return f"{race.track.name}: {driven:.0f} of {race.track.length:.0f} m in {race.time_s:.2f} s"


def draw_plan(ax: Axes, race: Race) -> LineCollection:
    """The road from above, and the car's path on it, coloured by speed."""
    zones, left = race.track.zones[BEFORE:-AFTER], race.track.frames[BEFORE:-AFTER, 0]

    def ring(first: int, last: int, half: float) -> np.ndarray:
        stretch = slice(max(first, 0), last)
        middle, aside = zones[stretch], half * left[stretch]
        return np.concatenate([middle - aside, (middle + aside)[::-1]])[:, ::2]

    # lower decks first, so that bridges are seen as such; each piece and then, a little longer,
    # its inside, which leaves the edges
    starts = sorted(range(0, len(zones) - 1, 8), key=lambda at: zones[at, 1])
    rings = [
        piece
        for at in starts
        for piece in (ring(at, at + 9, ROAD + 0.8), ring(at - 2, at + 11, ROAD - 0.8))
    ]
    road = PolyCollection(rings, facecolors=["0.7", "0.91"] * len(starts), linewidths=0)
    ax.add_collection(road)
    ax.autoscale_view()
    path = race.path
    places = path[["x", "z"]].to_numpy()
    lines = LineCollection(
        np.stack([places[:-1], places[1:]], axis=1),
        cmap=_SPEED_COLOURS,
        array=path.speed_kmh.to_numpy()[1:],
        lw=2,
    )
    ax.add_collection(lines)
    for zone, marker, name in ((zones[0], "o", "start"), (zones[-1], "s", "finish")):
        ax.plot(zone[0], zone[2], marker, color="black", ms=5, label=name)
    ax.legend(loc="best", fontsize=8)
    # x to the right and z down the page: seen from above, and not from below
    ax.set(xlabel="x (m)", ylabel="z (m)", aspect="equal")
    ax.invert_yaxis()
    ax.grid(False)
    return lines


def draw_speed(ax: Axes, race: Race) -> None:
    """Speed over distance; thick where the car slides."""
    path = race.path
    ax.plot(path.progress_m, path.speed_kmh, color="0.25", lw=1.4)
    sliding = path.speed_kmh.where(path.sliding)
    ax.plot(path.progress_m, sliding, color="#d55e00", lw=3.5, alpha=0.7, label="sliding")
    if path.sliding.any():
        ax.legend(loc="lower right", fontsize=8)
    ax.set(ylabel="speed (km/h)", ylim=(0, None), xlim=(0, race.track.length))


def _draw_inputs(ax: Axes, race: Race) -> None:
    path = race.path
    for row, (name, colour) in enumerate(zip(_INPUTS, sns.color_palette("colorblind"))):
        pressed = path[name].to_numpy()[1:] > 0
        starts = path.progress_m.to_numpy()[:-1][pressed]
        widths = np.diff(path.progress_m)[pressed]
        ax.broken_barh(list(zip(starts, widths)), (row - 0.4, 0.8), color=colour, lw=0)
    ax.set(yticks=range(len(_INPUTS)), yticklabels=_INPUTS, ylim=(3.6, -0.6))


def _draw_altitude(ax: Axes, race: Race) -> None:
    path, zones = race.path, race.track.zones[BEFORE:-AFTER]
    ax.plot(np.arange(len(zones)) * SPACING, zones[:, 1], color="0.6", lw=1.2, label="road")
    flying = path.y.where(path.airborne)
    ax.plot(path.progress_m, flying, color="#0072b2", lw=3, label="in the air")
    if path.airborne.any():
        ax.legend(loc="best", fontsize=8)
    ax.set(xlabel=DISTANCE, ylabel="altitude (m)")


def animate(race: Race, path: Path, fps: int) -> Path:
    """Write an animation of a race; see `Replay.save`."""
    per_second = round(1 / ACTION)
    fps = a_whole_number("fps", fps, least=1)
    if per_second % fps:
        divisors = [n for n in range(1, per_second + 1) if per_second % n == 0]
        allowed = ", ".join(map(str, divisors))
        raise TmnetError(f"fps is {fps!r}; it takes one of {allowed}.")
    writers = {".gif": PillowWriter, ".mp4": FFMpegWriter}
    writer = writers.get(path.suffix)
    if writer is None:
        raise TmnetError(f"{path.name} should end in .gif or .mp4.")
    if not writer.isAvailable():
        raise TmnetError(f"Writing {path.name} needs ffmpeg; install it, or write a .gif.")
    check_output(path)  # before anything is drawn
    make_directory(path.parent)
    rows = [*range(0, len(race.path) - 1, per_second // fps), len(race.path) - 1]
    with styled():
        figure = AggFigure((9.6, 5.4), dpi=80, layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.35, 1), height_ratios=(1.5, 1))
        view, plan = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1])
        speed = figure.add_subplot(grid[1, 1])
        draw_plan(plan, race).set_linewidth(1)
        plan.get_legend().remove()
        plan.set(xlabel="", ylabel="", xticks=[], yticks=[])
        draw_speed(speed, race)
        speed.set_xlabel(DISTANCE)
        image = view.imshow(race.picture(0))
        view.set_axis_off()
        view.set_title(_title(race))
        car = plan.plot([], [], "o", color="#d55e00", ms=7, mec="white")[0]
        now = speed.axvline(0, color="#d55e00", lw=1.5)

        def draw(row: int):
            moment = race.path.iloc[row]
            image.set_data(race.picture(row))
            car.set_data([moment.x], [moment.z])
            now.set_xdata([moment.progress_m] * 2)
            return image, car, now

        figure.canvas.draw()
        figure.set_layout_engine("none")  # nothing moves from picture to picture
        animation = FuncAnimation(figure, draw, rows, init_func=lambda: draw(0), blit=False)

        def write(file: BinaryIO) -> None:
            with (
                tempfile.TemporaryDirectory() as folder,
                progress_bar(total=len(rows), desc=f"Writing {path.name}", unit=" pictures") as bar,
            ):
                aside = Path(folder) / path.name
                animation.save(aside, writer(fps=fps), progress_callback=lambda i, n: bar.update())
                file.write(aside.read_bytes())

        write_output(path, write)
    return path
