"""What every test of trainings relies on."""

from __future__ import annotations

import pytest
import torch

from .trainings import (
    Trainings,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trainings(tmp_path):
    return Trainings(tmp_path)
