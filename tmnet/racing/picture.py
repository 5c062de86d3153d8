"""The picture of a race for people: the view, the car, speed and time."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from tmnet.racing.camera import BACK, HEIGHT, PITCH, Camera
from tmnet.racing.simulator import Cars, Simulator

_SIZE = (480, 640)  # px
# the car as boxes: left, up, forward from .. to in m, and the colour of its sides
_BODY = [
    ((-0.95, 0.1, -1.9), (0.95, 0.65, 1.9), (196, 40, 40)),
    ((-0.7, 0.65, -1.2), (0.7, 1.05, 0.5), (36, 44, 60)),
]
_FACES = [  # corners (bits: left, up, forward) of the faces a camera behind can see, back to front
    ((0b001, 0b011, 0b111, 0b101), 0.8),  # front
    ((0b000, 0b001, 0b011, 0b010), 0.7),  # right side
    ((0b100, 0b101, 0b111, 0b110), 0.7),  # left side
    ((0b010, 0b011, 0b111, 0b110), 1.0),  # top
    ((0b000, 0b010, 0b110, 0b100), 0.85),  # back
]


def race_picture(simulator: Simulator, cars: Cars, time_ms: Tensor) -> list[np.ndarray]:
    """(480, 640, 3) uint8 for each of N cars."""
    camera = Camera(simulator, *_SIZE, colour=True)
    views = camera.pictures(cars).permute(0, 2, 3, 1).cpu().numpy()  # (N, H, W, 3)
    speeds = (cars.speed[2] * 3.6).tolist()
    steer, times = cars.steer.tolist(), (time_ms / 1000).tolist()
    inputs = cars.history[16:].T.tolist()
    pictures = []
    for view, speed, turn, time, pressed in zip(views, speeds, steer, times, inputs):
        image = Image.fromarray(view)
        draw = ImageDraw.Draw(image)
        _draw_car(draw, camera.focal, turn, braking=pressed[1] > 0)
        _draw_numbers(draw, speed, time, pressed)
        pictures.append(np.asarray(image))
    return pictures


def _draw_car(draw: ImageDraw.ImageDraw, focal: float, turn: float, braking: bool) -> None:
    height, width = _SIZE

    def pixel(left: float, up: float, forward: float) -> tuple[float, float]:
        y, z = up - HEIGHT, forward + BACK
        depth = z * np.cos(PITCH) - y * np.sin(PITCH)
        rise = y * np.cos(PITCH) + z * np.sin(PITCH)
        return width / 2 - focal * left / depth, height / 2 - focal * rise / depth

    def box(low, high, colour) -> None:
        corners = [
            pixel(*(high[axis] if index >> (2 - axis) & 1 else low[axis] for axis in range(3)))
            for index in range(8)
        ]
        for face, light in _FACES:
            shade = tuple(round(channel * light) for channel in colour)
            draw.polygon([corners[index] for index in face], fill=shade)

    for forward in (1.3, -1.3):
        for left in (-0.95, 0.95):
            shift = 0.15 * turn if forward > 0 else 0.0
            wheel = (left - 0.15 + shift, 0.0, forward - 0.35)
            box(wheel, (left + 0.15 + shift, 0.6, forward + 0.35), (30, 30, 30))
    for low, high, colour in _BODY:
        box(low, high, colour)
    for left in (-0.7, 0.7):
        light = (255, 60, 40) if braking else (110, 10, 10)
        box((left - 0.18, 0.42, -1.91), (left + 0.18, 0.56, -1.9), light)


def _draw_numbers(
    draw: ImageDraw.ImageDraw, speed: float, time: float, pressed: list[float]
) -> None:
    height, width = _SIZE
    font = ImageFont.load_default(26)
    shadow = {"stroke_width": 2, "stroke_fill": "black", "fill": "white", "font": font}
    draw.text((16, height - 44), f"{time:.2f} s", **shadow)
    draw.text((width - 16, height - 44), f"{speed:.0f} km/h", anchor="ra", **shadow)
    gas, brake, left, right = (value > 0 for value in pressed)
    x, y = width / 2, height - 30
    keys = [
        (gas, [(x, y - 16), (x - 8, y - 4), (x + 8, y - 4)]),
        (brake, [(x, y + 16), (x - 8, y + 4), (x + 8, y + 4)]),
        (left, [(x - 26, y), (x - 14, y - 8), (x - 14, y + 8)]),
        (right, [(x + 26, y), (x + 14, y - 8), (x + 14, y + 8)]),
    ]
    for down, corners in keys:
        draw.polygon(corners, fill="white" if down else (60, 60, 60), outline="black")
