"""What customers of a simulated market write, in French and English.

Hides the sentences. Each belongs to a mood (happy, mixed, unhappy) or to a complaint about too many contacts; a
verbatim is one sentence about the product and, half of the time, one about the service.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphrec.market.simulation.population import Ints

__all__ = ["MOODS", "write_verbatims"]

MOODS = ("unhappy", "mixed", "happy", "pestered")

_OPENINGS = {
    ("happy", "en"): (
        "Very happy with my purchase.",
        "Exactly what I was looking for, great quality.",
        "Fast delivery and a lovely product.",
        "Works perfectly, I recommend it.",
    ),
    ("happy", "fr"): (
        "Très satisfait de mon achat.",
        "Exactement ce que je cherchais, excellente qualité.",
        "Livraison rapide et produit impeccable.",
        "Fonctionne parfaitement, je recommande.",
    ),
    ("mixed", "en"): (
        "It does the job, nothing more.",
        "Decent product but a bit expensive.",
        "Correct quality, slow delivery.",
        "Not bad, I expected better.",
    ),
    ("mixed", "fr"): (
        "Cela fait l'affaire, sans plus.",
        "Produit correct mais un peu cher.",
        "Qualité correcte, livraison lente.",
        "Pas mal, je m'attendais à mieux.",
    ),
    ("unhappy", "en"): (
        "Disappointed, it broke after a week.",
        "Poor quality for the price.",
        "Late delivery and a damaged parcel.",
        "I want my money back.",
    ),
    ("unhappy", "fr"): (
        "Déçu, l'article est tombé en panne au bout d'une semaine.",
        "Mauvaise qualité pour le prix.",
        "Livraison en retard et colis abîmé.",
        "Je demande un remboursement.",
    ),
    ("pestered", "en"): (
        "Please stop contacting me so often.",
        "Too many messages, I never asked for this.",
        "I am tired of your calls.",
        "Your offers are of no interest to me, leave me alone.",
    ),
    ("pestered", "fr"): (
        "Merci d'arrêter de me contacter aussi souvent.",
        "Trop de messages, je n'ai rien demandé.",
        "J'en ai assez de vos appels.",
        "Vos offres ne m'intéressent pas, laissez-moi tranquille.",
    ),
}
_CLOSINGS = {
    ("happy", "en"): "The adviser was kind.",
    ("happy", "fr"): "La conseillère était aimable.",
    ("mixed", "en"): "The website could be clearer.",
    ("mixed", "fr"): "Le site pourrait être plus clair.",
    ("unhappy", "en"): "Nobody answers at the support desk.",
    ("unhappy", "fr"): "Personne ne répond au service client.",
    ("pestered", "en"): "I am thinking of leaving.",
    ("pestered", "fr"): "Je pense à partir.",
}


def write_verbatims(moods: Ints, french: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.object_]:
    """One text for each row.

    Parameters
    ----------
    moods : numpy.ndarray of int, shape (n,)
        Position in `MOODS`.
    french : numpy.ndarray of bool, shape (n,)
        Written in French, else in English.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of str objects, shape (n,)
    """
    opening, closing = rng.integers(0, 4, len(moods)), rng.integers(0, 2, len(moods))
    texts = [
        f"{_OPENINGS[mood, tongue][first]} {_CLOSINGS[mood, tongue] if second else ''}".strip()
        for mood in MOODS
        for tongue in ("en", "fr")
        for first in range(4)
        for second in range(2)
    ]
    number = ((moods * 2 + french) * 4 + opening) * 2 + closing
    return np.asarray(np.array(texts, dtype=object)[number])
