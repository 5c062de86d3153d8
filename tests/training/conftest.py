"""What every test of trainings relies on."""

from __future__ import annotations

import pytest

from .trainings import (
    Trainings,
)


@pytest.fixture
def trainings(tmp_path):
    return Trainings(tmp_path)
