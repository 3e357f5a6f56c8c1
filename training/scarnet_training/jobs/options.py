"""Where a job is to run, and on how much of it."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Self

from scarnet.errors import ScarNetError

__all__ = ["JobOptions", "Where"]

Where = Literal["local", "slurm"]

_PLACES = ("local", "slurm")
_DAYS_WITHOUT_LIMIT = 365


@dataclass(frozen=True)
class JobOptions:
    """What a job asks for.

    Attributes
    ----------
    where : {"local", "slurm"}
        A process on this machine, or a job in Slurm's queue.
    gpus : int or None
        GPUs a node, one process each; 0 for the CPU alone, None for one process that takes a GPU where it finds one.
        Slurm is asked for none then, and gives it none where it keeps GPUs for those that ask.
    nodes : int
        Machines; more than one only in Slurm.
    minutes : int or None
        Time limit; a job that reaches it goes on from its last checkpoint. None for no limit (local) or the
        partition's own (Slurm).
    partition : str or None
        Slurm's partition; None for its default one.
    cpus : int or None
        CPUs a process, only in Slurm; None for Slurm's own number, mostly one.
    memory_gb : int or None
        Memory a node in GB, only in Slurm; None for Slurm's own.

    Raises
    ------
    ScarNetError
        A value is not possible; the message names it and what is.
    """

    where: Where = "local"
    gpus: int | None = None
    nodes: int = 1
    minutes: int | None = None
    partition: str | None = None
    cpus: int | None = None
    memory_gb: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no machine can do."""
        if self.where not in _PLACES:
            raise ScarNetError(f"A job cannot run in {self.where!r}; choose one of: {', '.join(_PLACES)}.")
        for name, least in (("gpus", 0), ("nodes", 1), ("minutes", 1), ("cpus", 1), ("memory_gb", 1)):
            value = getattr(self, name)
            if value is None and name != "nodes":
                continue
            if type(value) is not int or value < least:
                raise ScarNetError(f"A job's {name} is {value!r}, but must be a whole number of at least {least}.")
        if self.partition is not None and not (isinstance(self.partition, str) and self.partition):
            raise ScarNetError(f"A job's partition is {self.partition!r}, but must be the name of one.")
        if self.where == "local" and self.nodes > 1:
            raise ScarNetError(f"A local job runs on one machine, not on {self.nodes}; use Slurm for more.")
        if self.where == "local" and self.partition is not None:
            raise ScarNetError("A local job has no partition; partitions belong to Slurm.")
        if self.where == "local" and (self.cpus is not None or self.memory_gb is not None):
            raise ScarNetError(
                "A local job takes the machine's CPUs and memory as they are; cpus and memory_gb belong to Slurm, and "
                "training.threads in the recipe limits the CPUs."
            )

    @property
    def tasks_per_node(self) -> int:
        """Processes a node: one a GPU."""
        return max(1, self.gpus or 0)

    @property
    def local_minutes(self) -> int:
        """Time limit of a local job, for which submitit wants one: a year where none was asked for."""
        return self.minutes or _DAYS_WITHOUT_LIMIT * 24 * 60

    @property
    def warning_seconds(self) -> int:
        """How long before the time limit the job is told: long enough to end tidily, short beside the limit."""
        return 90 if self.minutes is None else min(90, 15 * self.minutes)

    def changed(self, **changes: Any) -> Self:
        """Give options with what is not None in place of what was.

        Moving to another place forgets what only the former place had.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if given.get("where", self.where) != self.where:
            given = {"nodes": 1, "partition": None, "minutes": None, "cpus": None, "memory_gb": None, **given}
        return replace(self, **given)

    def to_dict(self) -> dict[str, Any]:
        """Give the options as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Read what :meth:`to_dict` gave.

        Raises
        ------
        ScarNetError
            It is something else.
        """
        if not isinstance(values, dict) or set(values) - {field.name for field in fields(cls)}:
            raise ScarNetError("The job's options cannot be understood.")
        return cls(**values)
