"""Tag names of the trainers whose logs tmnet knows, as one set of names.

Linesight logs ``loss`` and ``avg_Q_trained_hock``; rulka puts the same into groups,
``Training/loss`` and ``RL/avg_Q_trained_hock``. A tag that is not listed here keeps its name, so
logs of any other tool can be compared as they are.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_RENAMED = [
    (re.compile(pattern + r"\Z"), name)
    for pattern, name in {
        r"(?:Training/)?(loss|loss_test|loss_per_quantile|learning_rate|weight_decay|n_steps"
        r"|discard_non_greedy_actions_in_nsteps|train_on_batch_duration)": r"\1",
        r"(?:RL/)?(gamma|epsilon|epsilon_boltzmann|tau_epsilon_boltzmann)": r"\1",
        r"(?:RL/)?avg_Q_(?:trained|blind)_(.+)": r"avg_q/\1",
        r"(?:RL/|Race/)?single_zone_reached_(?:trained|blind)_(.+)": r"zone_reached/\1",
        r"(?:Performance/)?learner_percentage_training": "training_share",
        r"(?:Performance/)?learner_percentage_testing": "testing_share",
        r"(?:Performance/)?learner_percentage_waiting_for_workers": "waiting_share",
        r"(?:Performance/)?transitions_learned_per_second": "transitions_learned_per_second",
        r"memory_size|Buffer/size": "memory_size",
        r"(?:grad_norm_history|Gradients/norm)_(q1|median|q3|d9|d98|max)": r"grad_norm/\1",
        r"(?:std_within_iqn_quantiles_for_action|IQN/quantile_std_action_)(\d+)": (
            r"quantile_std/\1"
        ),
        r"alltime_min_ms_(.+)": r"alltime_min_ms/\1",
    }.items()
]
_RACE = re.compile(
    r"(?:Race/)?(?P<kind>eval|explo)_race_"
    r"(?P<what>time_robust|time_finished|time|finished)_(?P<status>trained|blind)_(?P<map>.+)\Z"
)


class RaceTag(NamedTuple):
    """What a tag logs of a race: its time, whether it finished …"""

    kind: str
    what: str
    status: str
    map: str


@functools.lru_cache(10_000)  # of a thousand runs each logs the same tags
def common_name(tag: str) -> str:
    """The name under which tmnet knows a tag; of an unknown tag, the tag itself.

    >>> common_name("RL/avg_Q_trained_A01"), common_name("Training/loss"), common_name("charts/SPS")
    ('avg_q/A01', 'loss', 'charts/SPS')
    """
    for pattern, name in _RENAMED:
        if match := pattern.match(tag):
            return match.expand(name)
    return tag


def race_tag(tag: str) -> RaceTag | None:
    """What a tag says of a race, or None.

    >>> race_tag("eval_race_time_robust_trained_hock")
    RaceTag(kind='eval', what='time_robust', status='trained', map='hock')
    """
    match = _RACE.match(tag)
    return RaceTag(**match.groupdict()) if match else None
