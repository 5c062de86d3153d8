"""What is drawn in a figure."""

from matplotlib.colors import to_rgb

NAMES = ["long", "short", "never"]
SCALES = {"A01/eval/finish_rate": 100, "training_share": 100}  # shown in %


def line_of(ax, run):
    """The line of a run, not the dot at its end."""
    (line,) = [line for line in ax.lines if line.get_label() == run]
    return line


def dots_of(ax):
    """Points that are drawn alone, as (x, y, colour)."""
    dots = [line for line in ax.lines if line.get_label().startswith("_") and len(line.get_xdata())]
    return [
        (line.get_xdata()[0], line.get_ydata()[0], to_rgb(line.get_color()))
        for line in dots
        if line.get_marker() == "o"
    ]
