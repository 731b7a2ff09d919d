"""Sentiment and topics of verbatims beside a majority and a lexicon, and the time they take.

``python -m benchmarks.texts [--seeds 3] [--n 2000]``. Three kinds of text: sentences written by hand
(``data/verbatims``, test part), texts generated from a phrase book that shares no phrase with the one that taught the
reader, and texts generated from the teaching book itself with another seed (what a circular test would show). Each seed
teaches a reader anew.

- majority: the most frequent mood of the set, which no honest rival may know; no topic.
- lexicon: words of the teaching book's lists counted, turned round by a negation; a topic where a noun of its list
stands. - reader: the default. reader, N directions: the same with a truncated SVD before the linear models.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score

from graphrec.market.feedback import read_texts
from graphrec.market.texts.masking import clean_text
from graphrec.market.texts.teaching import SENTIMENTS, TOPICS, read_phrase_book, write_texts
from graphrec.market.texts.textreader import fit_reader
from graphrec.market.texts.themes import find_themes
from graphrec.market.texts.tokens import NEGATED, split_words, token_features
from graphrec.market.texts.tongues import stop_words

__all__ = ["main", "read_sentences"]

VERBATIMS = Path(__file__).parents[1] / "data" / "verbatims"
Told = tuple[np.ndarray, list[set[str]]]


def read_sentences(part: str = "test") -> pd.DataFrame:
    """Sentences written by hand; topics as tuples."""
    table = pd.read_csv(VERBATIMS / "sentences.tsv", sep="\t", keep_default_na=False)
    table = table[table["part"] == part].reset_index(drop=True)
    return table.assign(topics=[tuple(filter(None, names.split(","))) for names in table["topics"]])


def by_majority(texts: pd.DataFrame) -> Told:
    """The most frequent mood, no topic."""
    mood = texts["sentiment"].mode()[0]
    return np.full(len(texts), mood), [set() for _ in range(len(texts))]


def by_lexicon(texts: pd.DataFrame) -> Told:
    """Counted words."""
    books = [read_phrase_book(language).lists for language in ("en", "fr")]
    charged: dict[str, int] = {}
    for book in books:
        for sign, mood in ((1, "positive"), (-1, "negative")):
            for phrase in (*book["words"][mood], *book["charged"][mood]):
                for form in phrase.split("/"):
                    words = split_words(form)
                    if len(words) == 1:
                        charged[words[0]] = sign
    stop = stop_words()
    nouns = {
        topic: {w for book in books for thing in book[topic]["things"] for w in split_words(thing.split("|")[0])} - stop
        for topic in TOPICS
    }
    moods, topics = [], []
    for text in texts["text"]:
        plain, marked = token_features(clean_text(text))
        points = sum(-charged.get(w[len(NEGATED) :], 0) if w.startswith(NEGATED) else charged.get(w, 0) for w in marked)
        moods.append(SENTIMENTS[1 + (points > 0) - (points < 0)])
        topics.append({topic for topic, words in nouns.items() if words & set(plain)})
    return np.array(moods), topics


def by_reader(seed: int, directions: int | None = None) -> Callable[[pd.DataFrame], Told]:
    """A reader taught with a seed."""
    reader = fit_reader(rng=seed, directions=directions)

    def read(texts: pd.DataFrame) -> Told:
        told = reader.read(texts["text"].tolist())
        return told["mood"].to_numpy(), [set(names) for names in told["topics"]]

    return read


def score(texts: pd.DataFrame, told: Told) -> tuple[float, float, float]:
    """Accuracy of the mood, mean F1 of the three moods, F1 of all topics."""
    mood, topics = told
    true = texts["sentiment"].to_numpy()
    each = [
        2 * ((mood == name) & (true == name)).sum() / max(1, (mood == name).sum() + (true == name).sum())
        for name in SENTIMENTS
    ]
    right = sum(len(found & set(known)) for found, known in zip(topics, texts["topics"]))
    named = sum(len(found) for found in topics) + sum(len(known) for known in texts["topics"])
    return float((mood == true).mean()), float(np.mean(each)), 2 * right / max(1, named)


def show(name: str, scores: list[tuple[float, float, float]]) -> None:
    """One row: mean over seeds, with the standard deviation where there are several."""
    values = np.array(scores)
    spread = [f" ± {s:.3f}" if len(values) > 1 else " " * 8 for s in values.std(axis=0, ddof=min(1, len(values) - 1))]
    cells = " ".join(f"{mean:8.3f}{each}" for mean, each in zip(values.mean(axis=0), spread))
    print(f"  {name:24} {cells}", flush=True)


def sets(n: int, seed: int) -> dict[str, pd.DataFrame]:
    """The texts that readers are tried on."""
    written = read_sentences()
    books = tuple(read_phrase_book(language, VERBATIMS / f"held_out_{language}.toml") for language in ("en", "fr"))
    made = write_texts(n, books=books, rng=1_000 + seed)
    circular = write_texts(n, rng=2_000 + seed)
    found = {f"written by hand, {language}": written[written["language"] == language] for language in ("en", "fr")}
    found["written by hand, both languages in one sentence"] = written[written["language"] == "mixed"]
    for language in ("en", "fr"):
        found[f"generated, other phrases, {language}"] = made[made["language"] == language]
    return found | {"generated, same phrases (circular)": circular}


def compare(seeds: int, n: int) -> None:
    """Accuracy of every way on every set."""
    ways: dict[str, list[Callable[[pd.DataFrame], Told]]] = {
        "majority": [by_majority],
        "lexicon": [by_lexicon],
        "reader": [by_reader(seed) for seed in range(seeds)],
        "reader, 100 directions": [by_reader(0, 100)],
        "reader, 500 directions": [by_reader(0, 500)],
    }
    for name in sets(n, 0):
        print(f"\n{name} (n = {len(sets(n, 0)[name])})\n{'':28}{'mood':>6} {'mood F1':>16} {'topic F1':>16}")
        for way, readers in ways.items():
            tried = [(seed, read) for seed, read in enumerate(readers)] if len(readers) > 1 else [
                (seed, readers[0]) for seed in range(seeds if "generated" in name else 1)
            ]  # fmt: skip
            show(way, [score(texts := sets(n, seed)[name], read(texts)) for seed, read in tried])


def recover(seeds: int, n: int) -> None:
    """Planted topics found without labels."""
    print("\nthemes without labels against the planted topics (adjusted mutual information; 0 is chance)")
    for seed in range(seeds):
        made = write_texts(2 * n, rng=3_000 + seed)
        one = made[made["topics"].map(len) == 1].reset_index(drop=True)
        themes = find_themes(one["text"].tolist(), number=2 * len(TOPICS), rng=seed)
        planted = one["topics"].map(lambda names: names[0])
        drawn = np.random.default_rng(seed).permutation(themes.of_texts)
        found, chance = (adjusted_mutual_info_score(planted, of) for of in (themes.of_texts, drawn))
        print(f"  seed {seed}: {found:.3f} (shuffled {chance:.3f}); largest: {themes.table['words'][0]}", flush=True)


def main() -> None:
    """Print accuracy, recovery of themes and time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=2_000)
    options = parser.parse_args()
    texts = write_texts(20_000, rng=9)["text"].tolist()
    read_texts(texts[:10])
    start = time.process_time()
    read_texts(texts)
    print(f"reading 100,000 verbatims: {5 * (time.process_time() - start):.1f} CPU s (20,000 measured)", flush=True)
    compare(options.seeds, options.n)
    recover(options.seeds, options.n)


if __name__ == "__main__":
    main()
