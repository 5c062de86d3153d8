"""Playing a race in a notebook."""

from __future__ import annotations

import io
from threading import Lock

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from tmnet.drawing import AggFigure, styled
from tmnet.racing.figure import DISTANCE, draw_plan, draw_speed
from tmnet.racing.race import Race
from tmnet.racing.simulator import ACTION

_DOT = 6  # px


class RacePlayer(widgets.VBox):
    """The view of a race, where the car is, and its speed; plays, stops, and steps.

    Parameters
    ----------
    race : tmnet.racing.Race
    """

    def __init__(self, race: Race):
        self.race = race
        last = len(race.path) - 1
        self.play = widgets.Play(
            interval=round(ACTION * 1000), max=last, tooltip="Play in real time, or stop"
        )
        self.moment = widgets.IntSlider(
            description="Moment",
            max=last,
            readout=False,
            tooltip="The action that is shown; arrow keys step",
            layout={"flex": "1 1 auto", "width": "auto"},
        )
        widgets.jslink((self.play, "value"), (self.moment, "value"))
        self.label = widgets.HTML(layout={"width": "260px"})
        self.view = widgets.Image(format="jpeg", layout={"width": "640px", "max_width": "100%"})
        self.chart = widgets.Image(format="png", layout={"max_width": "100%"})
        self._background, self._dots = _chart(race)
        self._lock = Lock()  # changes may arrive on several threads
        self.moment.observe(lambda change: self._show(), "value")
        self._show()
        super().__init__(
            [
                widgets.HBox([self.play, self.moment, self.label]),
                widgets.HBox([self.view, self.chart], layout={"flex_flow": "row wrap"}),
            ]
        )

    def _show(self) -> None:
        with self._lock:
            self._draw(self.moment.value)  # the latest, where several have come in

    def _draw(self, row: int) -> None:
        moment = self.race.path.iloc[row]
        self.label.value = (
            f"<b>{moment.time_s:.2f} s</b> · {moment.progress_m:.0f} m · "
            f"{moment.speed_kmh:.0f} km/h · gear {moment.gear}"
        )
        view = io.BytesIO()
        Image.fromarray(self.race.picture(row)).save(view, "jpeg", quality=85)
        self.view.value = view.getvalue()
        picture = self._background.copy()
        pen = ImageDraw.Draw(picture)
        for x, y in self._dots[row]:
            box = (x - _DOT, y - _DOT, x + _DOT, y + _DOT)
            pen.ellipse(box, fill="#d55e00", outline="white", width=2)
        chart = io.BytesIO()
        picture.save(chart, "png", compress_level=1)
        self.chart.value = chart.getvalue()


def _chart(race: Race) -> tuple[Image.Image, np.ndarray]:
    """Plan and speed as a picture, and (rows, 2, 2) px where the car is in both."""
    with styled():
        figure = AggFigure((5.2, 6), dpi=80, layout="constrained")
        plan, speed = figure.subplots(2, 1, height_ratios=(2, 1))
        draw_plan(plan, race)
        draw_speed(speed, race)
        speed.set_xlabel(DISTANCE)
        figure.canvas.draw()
    path = race.path
    in_plan = plan.transData.transform(path[["x", "z"]].to_numpy())
    in_speed = speed.transData.transform(path[["progress_m", "speed_kmh"]].to_numpy())
    dots = np.stack([in_plan, in_speed], axis=1)
    dots[..., 1] = figure.bbox.height - dots[..., 1]  # pictures count from the top
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3]), dots
