"""Everything that training changes, in one value: copied, stepped, saved and resumed.

Hides Adam (decoupled weight decay on matrices, Loshchilov & Hutter 2019) and the checkpoint's layout. Because the state
of the random generator belongs to it, a run stopped at any moment and resumed gives the same bytes as an unbroken one.
The optimiser of torch was not used: its state is a dictionary by position that says nothing of the run it belongs to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from graphrec.learning.archive import read_archive, write_archive
from graphrec.market.tables import DataError

__all__ = ["TrainingState", "fresh_state", "read_state"]

_LISTS = ("parameters", "first_moments", "second_moments", "best")


@dataclass
class TrainingState:
    """Parameters, moments of Adam, the best so far, and where the run stands."""

    epoch: int
    parameters: list[torch.Tensor]
    first_moments: list[torch.Tensor]
    second_moments: list[torch.Tensor]
    best: list[torch.Tensor]
    steps: int
    waited: int
    history: list[float]
    randomness: torch.Tensor

    def copy(self) -> TrainingState:
        """An independent copy."""
        lists = {name: [tensor.clone() for tensor in getattr(self, name)] for name in _LISTS}
        return TrainingState(
            epoch=self.epoch,
            steps=self.steps,
            waited=self.waited,
            history=list(self.history),
            randomness=self.randomness.clone(),
            **lists,
        )

    def step(
        self, gradients: Sequence[torch.Tensor | None], learning_rate: float, weight_decay: float, width: int
    ) -> None:
        """One step of Adam; parameters with rows of that width shrink by a share ``learning_rate * weight_decay``."""
        self.steps += 1
        correction = math.sqrt(1.0 - 0.999**self.steps) / (1.0 - 0.9**self.steps)
        for number, gradient in enumerate(gradients):
            if gradient is None:
                continue
            parameter, first, second = self.parameters[number], self.first_moments[number], self.second_moments[number]
            first.mul_(0.9).add_(gradient, alpha=0.1)
            second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            if parameter.shape[-1:] == (width,):
                parameter.mul_(1.0 - learning_rate * weight_decay)
            parameter.addcdiv_(first, second.sqrt().add_(1e-8), value=-learning_rate * correction)

    def save(self, folder: str | Path, run: str) -> None:
        """Write ``checkpoint.json`` and its tensors for a run of that identity."""
        arrays = {f"{name}.{i}": t.numpy() for name in _LISTS for i, t in enumerate(getattr(self, name))}
        arrays["randomness"] = self.randomness.numpy()
        meta = {
            "run": run,
            "epoch": self.epoch,
            "steps": self.steps,
            "waited": self.waited,
            "history": self.history,
        }
        write_archive(folder, "checkpoint", meta, arrays)


def fresh_state(parameters: Sequence[torch.Tensor], randomness: torch.Tensor) -> TrainingState:
    """State before the first step."""
    own = [parameter.detach().clone() for parameter in parameters]
    return TrainingState(
        epoch=0,
        parameters=own,
        first_moments=[torch.zeros_like(p) for p in own],
        second_moments=[torch.zeros_like(p) for p in own],
        best=[p.clone() for p in own],
        steps=0,
        waited=0,
        history=[],
        randomness=randomness,
    )


def read_state(folder: str | Path, state: TrainingState, run: str) -> TrainingState:
    """State of the checkpoint in a folder, the one given where there is none.

    Raises
    ------
    DataError
        The checkpoint belongs to another run, is damaged, or another version wrote it.
    """
    if not (Path(folder) / "checkpoint.json").exists():
        return state
    meta, arrays = read_archive(folder, "checkpoint")
    if meta["run"] != run:
        raise DataError(
            f"the checkpoint in {folder} belongs to another run (other data, configuration, moment or seed; rng=None "
            "draws a new seed each time): give another folder, or delete this one to start again"
        )
    n = len(state.parameters)
    lists = {name: [torch.from_numpy(arrays[f"{name}.{i}"].copy()) for i in range(n)] for name in _LISTS}
    return TrainingState(
        epoch=meta["epoch"],
        steps=meta["steps"],
        waited=meta["waited"],
        history=meta["history"],
        randomness=torch.from_numpy(arrays["randomness"].copy()),
        **lists,
    )
