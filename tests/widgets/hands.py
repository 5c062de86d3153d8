"""What a person does to the explorer's controls."""


def move_window(explorer, low, high):
    """Put the window's handles where they come nearest to two values, as a page does it."""
    slider = explorer.controls.window
    end = max(explorer.comparison.ends.values())
    slider.value = [round(slider.max * x / end) for x in (low, high)]
