"""From a text to sentiment and topics: two linear models over words and pieces of words.

Hides the models and how clauses become one text. Each clause is read by itself, since "nice vase, but late" is two
opinions: sentiment of a text is the mean of its clauses, weighted by how far they take sides, and a topic keeps the
sentiment of the clauses that speak of it. The packaged model is learned on texts that the project writes itself, with
every word counting. A singular value decomposition in between (``directions``) is offered and costs accuracy at this
size of vocabulary; `docs/decisions.md` gives the figures.

An ``embedding`` (a function from texts to vectors, such as a sentence encoder's) may replace the counts. It is fitted
to the same texts and is not saved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.market.complaints import NEGATIVE
from graphrec.market.tables import DataError
from graphrec.market.texts.masking import LONGEST, clean_text
from graphrec.market.texts.ngrams import NgramVectors
from graphrec.market.texts.teaching import SENTIMENTS, TOPICS, write_texts
from graphrec.market.texts.tokens import MASK, split_clauses, token_features
from graphrec.market.texts.tongues import find_language

__all__ = ["Embedding", "TextReader", "fit_reader", "load_reader"]

Embedding = Callable[[Sequence[str]], Any]
"""Texts in, an array of shape (number of texts, size of the vectors) out."""
Floats = npt.NDArray[np.float64]

_FORMAT = 1
_NAMED = 0.2
"""Probability from which a topic is named."""
_BATCH = 20_000
_PACKAGED = Path(__file__).with_name("reader")


@dataclass(frozen=True, eq=False)
class TextReader:
    """A fitted reader of texts.

    Attributes
    ----------
    sentiment_vectors, topic_vectors : NgramVectors or None
        None where an embedding is plugged in.
    sentiment_weights : numpy.ndarray, shape (features, 3)
        Logits of `SENTIMENTS`.
    topic_weights : numpy.ndarray, shape (features, number of topics)
        A logit for each of `TOPICS`.
    sentiment_bias, topic_bias : numpy.ndarray
    embedding : callable or None
    """

    sentiment_vectors: NgramVectors | None
    topic_vectors: NgramVectors | None
    sentiment_weights: npt.NDArray[np.floating[Any]]
    topic_weights: npt.NDArray[np.floating[Any]]
    sentiment_bias: Floats
    topic_bias: Floats
    embedding: Embedding | None = None

    def read(self, texts: Sequence[object]) -> pd.DataFrame:
        """Read texts; personal data is masked before anything else.

        Parameters
        ----------
        texts : sequence of str
            What is missing counts as empty. A pandas Series keeps its index.

        Returns
        -------
        pandas.DataFrame, one row for each text
            text (masked), language (``en``, ``fr``, ``mixed`` or ``unknown``), sentiment (-1 to 1), mood (``negative``,
            ``neutral`` or ``positive``), topics (tuple), topic_sentiment (tuple, one for each topic), note (``""``,
            ``empty``, ``not a text``, ``no words``, ``unknown language`` or ``cut``).

        Raises
        ------
        DataError
            ``texts`` is no sequence of texts: one text, a table, a number, nothing.

        Notes
        -----
        Assumes that words mean what they say: irony is read as praise. A text in a language that is not known, or
        without words, is neutral without topics; emojis alone still count.
        """
        known = _sequence(texts)
        parts = [self._read_batch(known[start : start + _BATCH]) for start in range(0, len(known), _BATCH)]
        found = pd.concat(parts, ignore_index=True) if parts else self._read_batch([])
        given: object = texts
        return found.set_axis(given.index) if isinstance(given, pd.Series) else found

    def _read_batch(self, texts: Sequence[object]) -> pd.DataFrame:
        clean = [clean_text(text) for text in texts]
        languages = [find_language(text) for text in clean]
        clauses = [
            [] if not text or (language == "unknown" and not _is_emojis(text)) else split_clauses(text)
            for text, language in zip(clean, languages)
        ]
        owner = np.repeat(np.arange(len(clean)), [len(parts) for parts in clauses])
        moods, topics = self.probabilities([part for parts in clauses for part in parts])
        sentiment = _sentiment(moods, owner, len(clean))
        named, felt = _topics(moods, topics, owner, len(clean))
        return pd.DataFrame(
            {
                "text": pd.Series(clean, dtype="str"),
                "language": pd.Series(languages, dtype="str"),
                "sentiment": np.round(sentiment, 4),
                "mood": pd.Series(
                    np.array(SENTIMENTS)[1 + (sentiment > -NEGATIVE) - (sentiment < NEGATIVE)], dtype="str"
                ),
                "topics": pd.Series(named, dtype=object),
                "topic_sentiment": pd.Series(felt, dtype=object),
                "note": pd.Series([_note(*each) for each in zip(texts, clean, languages)], dtype="str"),
            }
        )

    def probabilities(self, clauses: Sequence[str]) -> tuple[Floats, Floats]:
        """Probabilities of `SENTIMENTS` and of `TOPICS`, a row for each clean clause."""
        if not len(clauses):
            return np.zeros((0, len(SENTIMENTS))), np.zeros((0, len(TOPICS)))
        if self.embedding is not None or self.sentiment_vectors is None or self.topic_vectors is None:
            found = _embed(self.embedding, clauses)
            mood_logits, topic_logits = found @ self.sentiment_weights, found @ self.topic_weights
        else:
            words = [token_features(clause) for clause in clauses]
            mood_logits = self.sentiment_vectors.transform(marked for _, marked in words) @ self.sentiment_weights
            topic_logits = self.topic_vectors.transform(plain for plain, _ in words) @ self.topic_weights
        moods = np.asarray(mood_logits, dtype=np.float64) + self.sentiment_bias
        moods = np.exp(moods - moods.max(axis=1, keepdims=True))
        topics = 1 / (1 + np.exp(-np.clip(np.asarray(topic_logits, dtype=np.float64) + self.topic_bias, -50, 50)))
        return moods / moods.sum(axis=1, keepdims=True), topics

    def save(self, path: str | Path) -> None:
        """Write ``PATH.safetensors`` and ``PATH.json``.

        Raises
        ------
        DataError
            An embedding is plugged in; it has no form that can be saved.
        """
        from safetensors.numpy import save_file

        if self.embedding is not None or self.sentiment_vectors is None or self.topic_vectors is None:
            raise DataError(
                f"the embedding {self.embedding!r} has no form to save; fit the reader again where it is used"
            )
        path = Path(path)
        arrays = {
            "sentiment_idf": self.sentiment_vectors.idf,
            "topic_idf": self.topic_vectors.idf,
            "sentiment_weights": self.sentiment_weights.astype(np.float16),
            "topic_weights": self.topic_weights.astype(np.float16),
            "sentiment_bias": self.sentiment_bias,
            "topic_bias": self.topic_bias,
        }
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()}, path.with_suffix(".safetensors")
        )
        known = {
            "format": _FORMAT,
            "sentiments": SENTIMENTS,
            "topics": TOPICS,
            "sentiment_features": self.sentiment_vectors.features,
            "topic_features": self.topic_vectors.features,
        }
        path.with_suffix(".json").write_text(
            json.dumps(known, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
        )


def fit_reader(
    texts: pd.DataFrame | None = None,
    *,
    embedding: Embedding | None = None,
    directions: int | None = None,
    rng: int | np.random.Generator | None = 0,
) -> TextReader:
    """Fit a reader.

    Parameters
    ----------
    texts : pandas.DataFrame, optional
        Columns text, sentiment and topics; by default 10,000 texts that the project writes itself.
    embedding : callable, optional
        Vectors to use instead of counts of words.
    directions : int, optional
        Keep only so many directions of largest variance (a truncated SVD) before the linear models.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    TextReader
    """
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(rng)
    known = write_texts(10_000, rng=generator) if texts is None else texts
    clean = [clean_text(text) for text in known["text"]]
    single = np.array([len(split_clauses(text)) == 1 for text in clean])
    clean = [text for text, alone in zip(clean, single) if alone]
    known = known[single]
    words = [token_features(text) for text in clean]
    moods = known["sentiment"].map({name: place for place, name in enumerate(SENTIMENTS)}).to_numpy()
    if embedding is None:
        vectors = [NgramVectors.fit([pair[kind] for pair in words]) for kind in (1, 0)]
        tables = [found.transform(pair[kind] for pair in words) for found, kind in zip(vectors, (1, 0))]
        bases = [_directions(table, directions, generator) for table in tables]
    else:
        vectors, tables, bases = [], [_embed(embedding, clean)] * 2, [None, None]
    seen = [table if basis is None else table @ basis for table, basis in zip(tables, bases)]
    mood_model = LogisticRegression(C=30.0, max_iter=500).fit(seen[0], moods)
    weights, bias = _unfold(mood_model.coef_.T, bases[0]), mood_model.intercept_
    of_topics = []
    for topic in TOPICS:
        about = np.array([topic in names for names in known["topics"]])
        model = LogisticRegression(C=10.0, max_iter=500).fit(seen[1], about)
        of_topics.append((_unfold(model.coef_.T, bases[1])[:, 0], model.intercept_[0]))
    return TextReader(
        vectors[0] if vectors else None,
        vectors[1] if vectors else None,
        weights.astype(np.float32),
        np.stack([each[0] for each in of_topics], axis=1).astype(np.float32),
        np.asarray(bias, dtype=np.float64),
        np.array([each[1] for each in of_topics]),
        embedding,
    )


@cache
def load_reader(path: Path | None = None) -> TextReader:
    """The packaged reader, or one that was saved.

    Raises
    ------
    DataError
        There is no reader, or it is of another format or damaged.
    """
    from safetensors.numpy import load_file

    place = _PACKAGED if path is None else path
    try:
        known = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
        arrays = load_file(place.with_suffix(".safetensors"))
    except Exception as error:
        raise DataError(f"{place} is no saved reader of texts: {error}; fit and save again") from error
    if known.get("format") != _FORMAT or tuple(known.get("topics", ())) != TOPICS:
        raise DataError(f"{place} has another format or other topics than this version; fit and save again")
    return TextReader(
        NgramVectors(tuple(known["sentiment_features"]), arrays["sentiment_idf"]),
        NgramVectors(tuple(known["topic_features"]), arrays["topic_idf"]),
        arrays["sentiment_weights"].astype(np.float32),
        arrays["topic_weights"].astype(np.float32),
        arrays["sentiment_bias"],
        arrays["topic_bias"],
    )


def _sequence(texts: object) -> list[object]:
    """The texts as a list; an error names what was given instead and what to give."""
    if isinstance(texts, str | bytes):
        raise DataError("texts is one text; give a sequence of texts, such as [text]")
    if isinstance(texts, pd.DataFrame):
        raise DataError(f"texts is a table; give its column of texts, such as table[{next(iter(texts), 'text')!r}]")
    if isinstance(texts, Mapping | Set) or not isinstance(texts, Iterable):
        raise DataError(f"texts is {type(texts).__name__}, no sequence of texts; give a list, such as [text]")
    if isinstance(texts, np.ndarray) and texts.ndim != 1:
        raise DataError(f"texts is an array of shape {texts.shape}; give one dimension, such as texts[:, 0]")
    return list(texts)


def _embed(embedding: Embedding | None, texts: Sequence[str]) -> Floats:
    if embedding is None:
        raise DataError("this reader has neither a vocabulary nor an embedding; make it with fit_reader")
    found = np.asarray(embedding(list(texts)), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(texts) or not np.isfinite(found).all():
        raise DataError(
            f"the embedding gave an array of shape {found.shape} for {len(texts)} texts; "
            "it must give one row of finite numbers for each"
        )
    return found


def _directions(table: Any, directions: int | None, rng: np.random.Generator) -> Floats | None:
    if directions is None:
        return None
    from sklearn.decomposition import TruncatedSVD

    found = TruncatedSVD(directions, n_iter=3, random_state=int(rng.integers(2**31))).fit(table)
    return np.asarray(found.components_.T, dtype=np.float64)


def _unfold(weights: Floats, basis: Floats | None) -> Floats:
    """Weights of the features, where a model saw directions."""
    return weights if basis is None else np.asarray(basis @ weights)


def _sentiment(moods: Floats, owner: npt.NDArray[np.int64], n: int) -> Floats:
    """Mean of the clauses, weighted by how far each takes sides."""
    weight = 1.05 - moods[:, 1]
    total = np.bincount(owner, weight, n)
    found = np.bincount(owner, weight * (moods[:, 2] - moods[:, 0]), n)
    return np.divide(found, total, out=np.zeros(n), where=total > 0)


def _topics(
    moods: Floats, topics: Floats, owner: npt.NDArray[np.int64], n: int
) -> tuple[list[tuple[str, ...]], list[tuple[float, ...]]]:
    """Topics of each text and what is felt about each."""
    named: list[tuple[str, ...]] = [()] * n
    felt: list[tuple[float, ...]] = [()] * n
    rows, columns = np.nonzero(topics >= _NAMED)
    if not len(rows):
        return named, felt
    weight = 1.05 - moods[rows, 1]
    cell, place = np.unique(owner[rows] * len(TOPICS) + columns, return_inverse=True)
    side = np.bincount(place, weight * (moods[rows, 2] - moods[rows, 0])) / np.bincount(place, weight)
    for key, value in zip(cell, side):
        text, topic = divmod(int(key), len(TOPICS))
        named[text] = (*named[text], TOPICS[topic])
        felt[text] = (*felt[text], round(float(value), 4))
    return named, felt


def _is_emojis(text: str) -> bool:
    words = token_features(text)[0]
    return bool(words) and all(word.startswith("emoji") for word in words)


def _note(raw: object, clean: str, language: str) -> str:
    if not clean:
        return "empty" if isinstance(raw, str) or _missing(raw) else "not a text"
    if isinstance(raw, str) and len(raw) > LONGEST:
        return "cut"
    if language == "unknown":
        return "unknown language" if any(map(str.isalpha, MASK.sub("", clean))) else "no words"
    return ""


def _missing(raw: object) -> bool:
    return raw is None or bool(pd.api.types.is_scalar(raw) and pd.isna(raw))  # type: ignore[call-overload]
