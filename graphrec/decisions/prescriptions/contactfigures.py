"""What the effect model says of a contact with each subject: effect, interval, support.

Hides how the figures of a recommendation are read for rows that are about to be advised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.repertoire import tried_offers
from graphrec.decisions.scoring import uplift_interval
from graphrec.decisions.subjects import Subjects
from graphrec.market.panel import Panel

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["ContactFigures", "contact_figures"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ContactFigures:
    """Effect, interval and support of the contact for every subject; arrays of shape (n, channels) and (n,)."""

    channels: tuple[str, ...]
    uplift: Floats
    low: Floats
    high: Floats
    supported: NDArray[np.bool_]

    def interval(self, row: int, channel: str) -> tuple[float | None, float | None]:
        """Interval of one subject's channel; None where the method gives none."""
        column = self.channels.index(channel)
        low, high = float(self.low[row, column]), float(self.high[row, column])
        return (low, high) if np.isfinite(low) and np.isfinite(high) else (None, None)


def contact_figures(model: Recommender, subjects: Subjects) -> ContactFigures:
    """Figures of every channel for every subject."""
    effects = model.effects
    matrix = effects.design.transform(subjects.rows)
    response = effects.doubted(effects.model.predict(matrix), matrix)
    known = np.full(response.p_contact.shape, "")  # what is not identifiable is not advised
    low, high = uplift_interval(
        response.p_organic[:, None],
        response.p_contact,
        response.se,
        model.config.level,
        known,
        hidden=effects.hidden,
        binary=effects.binary,
    )
    supported = np.asarray(effects.exposure.supported(matrix), dtype=bool) & _tried(model.panel, subjects.offers)
    return ContactFigures(effects.channels, response.p_contact - response.p_organic[:, None], low, high, supported)


def _tried(panel: Panel, offers: Sequence[Any]) -> NDArray[np.bool_]:
    """Whether some contact of the training rows was about each subject's offer; a ready-made table has one offer."""
    if panel.offers is None:
        return np.ones(len(offers), dtype=bool)
    codes = panel.offers.index.encode(offers)
    return np.asarray((codes >= 0) & tried_offers(panel.offers, panel)[codes])
