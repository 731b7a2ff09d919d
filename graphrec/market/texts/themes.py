"""What many texts have in common, without being told what to look for: themes named by their words.

Hides how themes are found: non-negative matrix factorisation of TF-IDF (Lee & Seung 1999), whose parts can be read as
lists of words. A word has to stand in several texts before it may name a theme, so what stands in one text
names nothing.

Alternative considered: latent Dirichlet allocation. It learns from words that stand together in one text, and a line
has few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.market.tables import DataError
from graphrec.market.texts.masking import clean_text
from graphrec.market.texts.tokens import ASKS, HAPPY, UNHAPPY, token_features
from graphrec.market.texts.tongues import stop_words

__all__ = ["Themes", "find_themes"]

_SHOWN, _LEADING = 6, 0.15
"""Most words of a name, and the least weight of one as a share of the heaviest."""
_SILENT = frozenset({ASKS, HAPPY, UNHAPPY})


@dataclass(frozen=True, eq=False)
class Themes:
    """Themes of a collection of texts.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each theme, the largest first: theme, words (the leading ones), texts, share.
    of_texts : numpy.ndarray of int, shape (number of texts,)
        Row of each text's theme in `table`; -1 where none of its words counts.
    """

    table: pd.DataFrame
    of_texts: npt.NDArray[np.int64]


def find_themes(
    texts: Sequence[object], *, number: int = 10, least: int = 10, rng: int | np.random.Generator | None = 0
) -> Themes:
    """Find themes.

    Parameters
    ----------
    texts : sequence of str
        Raw or read; personal data is masked first.
    number : int
        Themes to look for.
    least : int
        Texts in which a word must stand.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Themes

    Raises
    ------
    DataError
        There are fewer words that count than themes.

    Notes
    -----
    Assumes that texts are about one thing each. The number of themes is a choice, not a finding.

    Examples
    --------
    >>> found = find_themes(["late parcel monday"] * 12 + ["rude cashier today"] * 12, number=2)
    >>> sorted(found.table["words"].str.split(", ").map(len))
    [3, 3]
    """
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer

    if isinstance(texts, str | bytes):
        raise DataError("texts is one text; give a sequence of texts")
    words = [_telling_words(clean_text(text)) for text in texts]
    counts = pd.Series([word for each in words for word in set(each)], dtype=object).value_counts()
    known = sorted(counts.index[counts >= least])
    if len(known) < number:
        raise DataError(
            f"{len(known)} words stand in at least {least} of the {len(words)} texts, too few for {number} themes; "
            "ask for fewer themes, lower `least`, or give more texts"
        )
    table = TfidfVectorizer(analyzer=lambda each: each, vocabulary=known, sublinear_tf=True).fit_transform(words)
    seed = int(np.random.default_rng(rng).integers(2**31))
    model = NMF(number, init="nndsvda", random_state=seed, max_iter=400, tol=1e-3)
    with np.errstate(invalid="ignore"):  # the error of an exact factorisation is rounded to a little below zero
        weights = model.fit_transform(table)
    return _order(weights, model.components_, np.array(known, dtype=object))


def _telling_words(text: str) -> list[str]:
    stop = stop_words()
    return [word for word in token_features(text)[0] if len(word) > 2 and word not in stop and word not in _SILENT]


def _order(weights: npt.NDArray[Any], parts: npt.NDArray[Any], words: npt.NDArray[np.object_]) -> Themes:
    """Themes by size, each text in the one that explains most of it."""
    best = np.where(weights.max(axis=1) > 0, weights.argmax(axis=1), -1)
    sizes = np.bincount(best[best >= 0], minlength=len(parts))
    order = np.argsort(-sizes, kind="stable")
    place = np.empty(len(parts), dtype=np.int64)
    place[order] = np.arange(len(parts))
    named = [_name(parts[theme], words) for theme in order]
    table = pd.DataFrame(
        {
            "theme": np.arange(len(parts)),
            "words": named,
            "texts": sizes[order],
            "share": sizes[order] / max(1, len(best)),
        }
    )
    return Themes(table, np.where(best >= 0, place[best], -1).astype(np.int64))


def _name(part: npt.NDArray[Any], words: npt.NDArray[np.object_]) -> str:
    """The heaviest words of a theme."""
    order = np.argsort(-part, kind="stable")[:_SHOWN]
    heavy = (part[order] > 0) & (part[order] >= _LEADING * part[order[0]])
    return ", ".join(words[order][heavy])
