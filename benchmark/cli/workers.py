"""The options that say where the tasks of a command run, which are the same in every command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.commands import split_pairs
from benchmark.errors import InputError
from benchmark.extras import require_extra

if TYPE_CHECKING:
    from benchmark.work import WorkersOrPlace
    from benchmark.work.other_machines import OtherMachines

Workers = Annotated[
    int | None,
    typer.Option("--workers", min=0, help="Scans at a time, one a core by default; 0: one after the other."),
]


Jobs = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="With --on: jobs, or tasks at a time; as many as fit by default."),
]


class On(StrEnum):
    """Where tasks run."""

    local = "local"
    slurm = "slurm"
    ray = "ray"


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "on": (
        Annotated[
            On, typer.Option("--on", help="Where: this machine, SLURM jobs (--workers of them), a Ray cluster.")
        ],
        On.local,
    ),
    "address": (
        Annotated[
            str | None,
            typer.Option(
                "--address", help="Of the Ray cluster: auto, ray://HOST:PORT, or local to start one here."
            ),
        ],
        None,
    ),
    "insecure_ray": (
        Annotated[
            bool, typer.Option("--insecure-ray", help="Join a Ray cluster on another machine without a token.")
        ],
        False,
    ),
    "slurm_arg": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--slurm-arg", help="For sbatch, e.g. partition=gpu; may be repeated.", metavar="NAME=VALUE"
            ),
        ],
        None,
    ),
    "dry_run": (
        Annotated[bool, typer.Option("--dry-run", help="With --on slurm: only show what sbatch would get.")],
        False,
    ),
}


def with_place(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that has ``workers`` the options that say where: it gets a place in place of the number."""
    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]

    @wraps(command)
    def wrapper(**given: Any) -> None:  # noqa: ANN401
        own = {name: given.pop(name) for name in _OPTIONS}
        given["workers"] = _place(command.__name__, given["workers"], **own)
        command(**given)

    own = list(signature.parameters.values())
    last = [parameter for parameter in own if parameter.kind is parameter.VAR_KEYWORD]
    parameters = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in own if parameter not in last]
    wrapper.__signature__ = signature.replace(parameters=[*parameters, *added, *last])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return wrapper


def place_of(workers: WorkersOrPlace) -> OtherMachines | None:
    """The place of a command whose tasks on this machine have another option than ``--workers``.

    Raises:
        InputError: A number of workers was given without a place.
    """
    from benchmark.work.other_machines import OtherMachines

    if workers is None or isinstance(workers, OtherMachines):
        return workers
    raise InputError("--workers says how many jobs there are elsewhere: give --on slurm or --on ray with it")


def _place(
    command: str,
    workers: int | None,
    on: On,
    address: str | None,
    insecure_ray: bool,
    slurm_arg: list[str] | None,
    dry_run: bool,
) -> WorkersOrPlace:
    """What options say about where; the number of workers where that is this machine.

    Raises:
        InputError: Options contradict each other, or an extra is not installed.
    """
    if (address is not None or insecure_ray) and on is not On.ray:
        option = "--address" if address is not None else "--insecure-ray"
        raise InputError(f"{option} is that of a Ray cluster: give --on ray with it")
    if (slurm_arg or dry_run) and on is not On.slurm:
        raise InputError(f"{'--slurm-arg' if slurm_arg else '--dry-run'} is for jobs: give --on slurm with it")
    if on is On.local:
        return workers
    if workers == 0:
        raise InputError(f"--workers 0 is this process: leave --on {on.value} away, or give another number")
    require_extra(on.value, f"--on {on.value}")
    from benchmark.work.other_machines import OtherMachines

    arguments = split_pairs(slurm_arg or [], "--slurm-arg", "NAME=VALUE")
    return OtherMachines(
        "slurm" if on is On.slurm else "ray",
        workers,
        address or "auto",
        arguments,
        dry_run=dry_run,
        name=f"bench-{command}",
        insecure=insecure_ray,
    )
