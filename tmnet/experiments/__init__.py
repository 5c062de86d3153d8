"""What a training is defined by: experiments, their fields, and the files they come from."""

from tmnet.experiments.config import Experiment, NetworkConfig
from tmnet.experiments.load import experiment_names, load_experiment, save_experiment

__all__ = ["Experiment", "NetworkConfig", "experiment_names", "load_experiment", "save_experiment"]
