"""The best action that is the same for everybody: what advice by customer has to beat.

Hides how it is found: every lever to one value, every channel to all, chosen with the customers that choose and
promised with the others, as any other move. Whoever may not be moved there stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.prescriptions.movechoice import Option
from graphrec.decisions.prescriptions.moves import QUANTILES
from graphrec.decisions.prescriptions.reach import same_for_all
from graphrec.decisions.prescriptions.tryout import Question, Responder
from ontology.levers import Lever

__all__ = ["ConstantAction", "find_constant"]


@dataclass(frozen=True, eq=False)
class ConstantAction:
    """One lever, one value, all customers.

    Attributes
    ----------
    lever : str
    to : object
        Where everybody goes who may.
    option : Option
        As promised, row by row.
    moved : numpy.ndarray of bool, shape (n,)
        Who goes.
    """

    lever: str
    to: Any
    option: Option
    moved: NDArray[np.bool_]


def find_constant(
    choice: Responder, promise: Responder | None, question: Question, levers: Sequence[Lever], frame: pd.DataFrame
) -> ConstantAction | None:
    """Find the constant action of the largest mean net gain; None where doing nothing is better.

    Parameters
    ----------
    choice, promise : Responder
        Fitted on different customers.
    question : Question
        With costs of the levers.
    levers : sequence of Lever
        Those that can change the outcome.
    frame : pandas.DataFrame, n rows
    """
    quantiles = np.asarray(QUANTILES)
    best: tuple[float, Any, Option] | None = None
    for lever in levers:
        for targets in same_for_all(choice, frame, lever, quantiles):
            if not targets.feasible.any():
                continue
            option = question.evaluate(choice, [targets])
            gain = float(np.where(targets.feasible[:, 0], option.careful, 0.0).mean())
            if gain > 0 and (best is None or gain > best[0]):
                best = gain, targets.values[0, 0], option
    if best is None:
        return None
    _, to, option = best
    judged = option if promise is None else question.promise(promise, option)
    value = to.item() if hasattr(to, "item") else to
    return ConstantAction(option.columns[0], value, judged, np.isfinite(judged.net_gain))
