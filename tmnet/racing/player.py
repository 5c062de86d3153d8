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
_WIDE, _BESIDE = 5.2, 0.75  # inches of the chart, and of what stands beside its axes
_PLAN = (0.9, 4.2)  # inches up, at least and at most


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
            layout={"flex": "1 1 200px", "width": "auto"},
        )
        widgets.jslink((self.play, "value"), (self.moment, "value"))
        self.label = widgets.HTML(layout={"flex": "0 0 260px"})
        # as high as they are: boxes would stretch what they hold
        picture = {"max_width": "100%", "height": "auto", "object_fit": "contain"}
        self.view = widgets.Image(format="jpeg", layout={**picture, "width": "640px"})
        self.chart = widgets.Image(format="png", layout=picture)
        wrapped = {"flex_flow": "row wrap", "align_items": "flex-start"}
        self._background, self._dots = _chart(race)
        self._lock = Lock()  # changes may arrive on several threads
        self.moment.observe(lambda change: self._show(), "value")
        self._show()
        super().__init__(
            [
                widgets.HBox([self.play, self.moment, self.label], layout=wrapped),
                widgets.HBox([self.view, self.chart], layout=wrapped),
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
        figure = AggFigure((_WIDE, 6), dpi=100, layout="constrained")
        plan, speed = figure.subplots(2, 1)
        draw_plan(plan, race)
        # as high as a plan of the same scale both ways is, so that there are no gaps
        (left, right), (bottom, top) = plan.get_xlim(), plan.get_ylim()
        high = (_WIDE - _BESIDE) * abs((top - bottom) / (right - left))
        high = float(np.clip(high, *_PLAN))
        figure.set_size_inches(_WIDE, high + 3)
        plan.get_gridspec().set_height_ratios((high + 0.4, 2.2))
        draw_speed(speed, race)
        speed.set_xlabel(DISTANCE)
        figure.canvas.draw()
    path = race.path
    in_plan = plan.transData.transform(path[["x", "z"]].to_numpy())
    in_speed = speed.transData.transform(path[["progress_m", "speed_kmh"]].to_numpy())
    dots = np.stack([in_plan, in_speed], axis=1)
    dots[..., 1] = figure.bbox.height - dots[..., 1]  # pictures count from the top
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3]), dots
