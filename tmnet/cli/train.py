"""`tmnet train`: train an agent."""

from __future__ import annotations

import argparse
from typing import Any

from tmnet.experiments.load import experiment_names
from tmnet.experiments.scales import ABOUT, SCALES
from tmnet.files import CHECKPOINTS, LOGDIR
from tmnet.yaml_text import from_yaml


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "train",
        allow_abbrev=False,
        help="train an agent",
        description="Train an agent on the racing simulator, or on an environment of Gymnasium's. "
        "Ctrl-C saves and ends; --resume goes on. Event files go to a folder that `tmnet compare` "
        "and the notebooks read.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("experiment", metavar="EXPERIMENT", help="a name, or a .yaml file; those that come with "
        f"tmnet: {', '.join(experiment_names())}")  # fmt: skip
    add("--seed", type=int, metavar="S", help="of all that is drawn (default: 0)")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, metavar="M", help="train for so long")
    budget.add_argument("--frames", type=int, metavar="N", help="play so many frames")
    budget.add_argument("--updates", type=int, metavar="N", help="update the network so often")
    budget.add_argument("--pflop", type=float, metavar="X", help="let the network compute so "
        "much, so that those of any size are given the same")  # fmt: skip
    add("--device", metavar="D", help="cpu, cuda, mps (default: a GPU where there is one)")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        type=_setting,
        metavar="FIELD=VALUE",
        help="other values for fields, such as neural_network.iqn_n=16",
    )
    add("--env", metavar="GYM_ID", help="an environment of Gymnasium's, such as CartPole-v1")
    add("--scale", choices=tuple(SCALES), help=ABOUT)
    add(
        "--resume",
        nargs="?",
        choices=("auto",),
        const=True,
        default=False,
        help="go on with the run from its last checkpoint; auto: start it where there is none, and "
        "leave it as it is where it is done",
    )
    add("--logdir", default=LOGDIR, metavar="DIR", help=f"for event files (default: {LOGDIR})")
    add("--run-name", metavar="NAME", help="of the run (default: the experiment's)")
    add(
        "--checkpoints",
        default=CHECKPOINTS,
        metavar="DIR",
        help=f"for checkpoints (default: {CHECKPOINTS})",
    )


def _setting(text: str) -> tuple[str, Any]:
    field, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE")
    return field, from_yaml(value)


def run(args: argparse.Namespace) -> None:
    """`tmnet train`."""
    from tmnet.training.start import train

    env = {"env": args.env} if args.env else {}
    directory = train(
        args.experiment,
        seed=args.seed,
        minutes=args.minutes,
        frames=args.frames,
        updates=args.updates,
        pflop=args.pflop,
        device=args.device,
        values=env | dict(args.set),
        scale=args.scale,
        resume=args.resume,
        logdir=args.logdir,
        run_name=args.run_name,
        checkpoints=args.checkpoints,
    )
    print(f"Log: {directory}   (tmnet compare {directory.name} --logdir {directory.parent})")
