"""The reader beats a majority on text it was not taught with, and says what it cannot read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.feedback import read_texts
from graphrec.market.tables import DataError
from graphrec.market.texts.teaching import SENTIMENTS, TOPICS, read_phrase_book, write_texts
from graphrec.market.texts.textreader import fit_reader, load_reader
from graphrec.market.texts.themes import find_themes
from graphrec.market.texts.tongues import find_language

VERBATIMS = Path(__file__).parents[3] / "data" / "verbatims"


def sentences() -> pd.DataFrame:
    return pd.read_csv(VERBATIMS / "sentences.tsv", sep="\t", keep_default_na=False)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_sentences_written_by_hand_are_read_better_than_by_the_majority(language: str) -> None:
    table = sentences()
    table = table[(table["language"] == language) & (table["part"] == "test")]
    told = read_texts(table["text"].tolist())
    right = float((told["mood"].to_numpy() == table["sentiment"].to_numpy()).mean())
    assert right > table["sentiment"].value_counts(normalize=True).max() + 0.15
    true = [set(filter(None, names.split(","))) for names in table["topics"]]
    shared = sum(len(set(a) & b) for a, b in zip(told["topics"], true))
    assert 2 * shared / (told["topics"].map(len).sum() + sum(map(len, true))) > 0.6
    assert float((told["language"] == language).mean()) > 0.9


def test_texts_from_another_phrase_book_are_read_better_than_by_the_majority_on_every_seed() -> None:
    books = [read_phrase_book(language, VERBATIMS / f"held_out_{language}.toml") for language in ("en", "fr")]
    for seed in range(3):
        made = write_texts(400, books=books, rng=seed)
        told = read_texts(made["text"].tolist())
        right = float((told["mood"] == made["sentiment"]).mean())
        assert right > made["sentiment"].value_counts(normalize=True).max() + 0.05


def test_the_phrase_books_of_teaching_and_trying_share_nothing_but_links() -> None:
    for language in ("en", "fr"):
        taught, tried = read_phrase_book(language), read_phrase_book(language, VERBATIMS / f"held_out_{language}.toml")
        known = {phrase for lists in taught.lists.values() for phrases in lists.values() for phrase in phrases}
        again = {p for topic, lists in tried.lists.items() for name, ps in lists.items() for p in ps if name != "but"}
        assert not known & again
        assert not known & set(sentences()["text"])
        assert set(taught.lists) == set(tried.lists) >= set(TOPICS)


def test_negation_turns_a_mood_round_and_both_sides_are_neutral() -> None:
    said = [
        "The staff is friendly",
        "The staff is not friendly",
        "Le personnel n'est pas aimable",
        "Aucun problème avec la livraison",
    ]
    assert read_texts(said)["mood"].tolist() == ["positive", "negative", "negative", "positive"]
    both = read_texts(["The quality is excellent but the delivery was terrible"]).iloc[0]
    assert both["mood"] == "neutral" and abs(both["sentiment"]) < 0.2
    felt = dict(zip(both["topics"], both["topic_sentiment"]))
    assert felt["quality"] > 0.5 > -0.5 > felt["delivery"]


def test_what_cannot_be_read_has_a_name_and_is_neutral() -> None:
    texts = [
        "",
        "   ",
        None,
        3.5,
        "12345 67",
        "!!!",
        "Muy buena tienda, gracias por todo",
        "Das Paket ist leider nicht gekommen",
        "とても良い",
    ]
    told = read_texts(texts)
    assert told["note"].tolist() == ["empty"] * 3 + ["not a text"] + ["no words"] * 2 + ["unknown language"] * 3
    assert (
        (told["language"] == "unknown").all() and (told["sentiment"] == 0).all() and not told["topics"].map(len).any()
    )
    faces = read_texts(["😡😡👎", "😍👍", "🚲"])
    assert faces["mood"].tolist() == ["negative", "positive", "neutral"]
    assert read_texts([]).columns.tolist() == told.columns.tolist()
    with pytest.raises(DataError, match="texts is one text"):
        read_texts("Great shop")
    html = read_texts(["<p>Livraison <b>en retard</b></p><script>great()</script>"]).iloc[0]
    assert html["mood"] == "negative" and html["topics"] == ("delivery",)


def test_languages_are_told_apart_and_mixtures_named() -> None:
    for text, language in (
        ("Where is mon colis ?", "mixed"), ("Super", "fr"), ("merci beaucoup", "fr"), ("so slow", "en"),
        ("Il prodotto non è arrivato", "unknown"), ("Muito bom, obrigado", "unknown"), ("Het is niet goed", "unknown"),
    ):  # fmt: skip
        assert find_language(text) == language or (text == "Super" and find_language(text) in ("fr", "en", "unknown"))


@given(
    st.lists(
        st.sampled_from(["Great shop", "très déçu", "", "404", "the app crashes", "où est mon colis ?"]), max_size=6
    )
)
@settings(max_examples=20, deadline=None)
def test_a_text_is_read_the_same_alone_and_among_others(texts: list[str]) -> None:
    together = read_texts(texts)
    for place, text in enumerate(texts):
        alone = read_texts([text])
        assert alone["sentiment"][0] == together["sentiment"][place] and alone["topics"][0] == together["topics"][place]


def test_an_embedding_replaces_counting_and_is_not_saved(tmp_path: Path) -> None:
    words = ("good", "great", "bad", "awful", "late", "parcel", "price", "cheap")

    def embed(texts: list[str]) -> np.ndarray:
        return np.array([[float(word in text.lower()) for word in words] for text in texts])

    reader = fit_reader(write_texts(600, rng=0), embedding=embed)
    assert reader.read(["great", "awful"])["sentiment"].diff()[1] < 0
    with pytest.raises(DataError, match="has no form to save"):
        reader.save(tmp_path / "reader")
    with pytest.raises(DataError, match="one row of finite numbers"):
        fit_reader(write_texts(50, rng=0), embedding=lambda texts: np.zeros(len(texts)))


def test_a_saved_reader_reads_the_same_and_damage_is_named(tmp_path: Path) -> None:
    reader = fit_reader(write_texts(600, rng=0), directions=20, rng=1)
    reader.save(tmp_path / "reader")
    texts = sentences()["text"].tolist()[:40]
    again = load_reader(tmp_path / "reader").read(texts)
    assert np.abs(again["sentiment"] - reader.read(texts)["sentiment"]).max() < 0.01
    (tmp_path / "reader.json").write_text("{}")
    with pytest.raises(DataError, match="fit and save again"):
        load_reader.__wrapped__(tmp_path / "reader")


@pytest.mark.slow
def test_the_packaged_reader_is_the_one_that_the_project_teaches() -> None:
    texts = sentences()["text"].tolist()
    packaged, taught = load_reader().read(texts), fit_reader(rng=0).read(texts)
    assert np.abs(packaged["sentiment"] - taught["sentiment"]).max() < 0.02
    assert float((packaged["topics"] == taught["topics"]).mean()) > 0.99


def test_writing_is_reproducible_and_covers_every_kind() -> None:
    made = write_texts(1_500, rng=4)
    pd.testing.assert_frame_equal(made, write_texts(1_500, rng=4))
    assert set(made["sentiment"]) == set(SENTIMENTS) and set(made["language"]) == {"en", "fr", "mixed"}
    assert {topic for topics in made["topics"] for topic in topics} == set(TOPICS)


def test_themes_recover_what_was_planted_and_ask_for_enough_words() -> None:
    planted = ["late parcel courier", "rude cashier manners", "broken zip jacket"]
    found = find_themes([planted[i % 3] for i in range(90)], number=3)
    assert [len(set(found.of_texts[i::3])) for i in range(3)] == [1, 1, 1] and len(set(found.of_texts)) == 3
    assert found.table["texts"].tolist() == [30, 30, 30]
    with pytest.raises(DataError, match="too few for 5 themes"):
        find_themes(["one secret word"] * 3, number=5)


@pytest.mark.parametrize(
    ("texts", "remedy"),
    [
        (pd.DataFrame({"said": ["good"]}), r"table\['said'\]"), (7, "int, no sequence"), (None, "NoneType"),
        ({"a": "b"}, "dict"), ({"good"}, "set"), (np.array([["good"]]), r"shape \(1, 1\)"), ("good", r"\[text\]"),
    ],
)  # fmt: skip
def test_what_is_no_sequence_of_texts_is_refused_with_the_remedy(texts: object, remedy: str) -> None:
    with pytest.raises(DataError, match=remedy):
        read_texts(texts)  # type: ignore[arg-type]


def test_a_series_keeps_its_index_and_a_number_is_named() -> None:
    told = read_texts(pd.Series(["good", 7, None], index=[7, 9, 9]))  # type: ignore[arg-type]
    assert told.index.tolist() == [7, 9, 9] and told["note"].tolist()[1:] == ["not a text", "empty"]
    assert read_texts(pd.Series([], dtype=object)).empty
    assert read_texts(text for text in ["good", "bad"])["text"].tolist() == ["good", "bad"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "Not bad at all!", "Pas mal du tout !", "Je ne pourrais pas être plus contente", "I couldn't be happier",
        "The staff was not rude", "It could not have been better", "Could not ask for more", "never disappointed",
        "On n'aurait pas pu rêver mieux", "Je n'ai pas été déçue", "Le vendeur n'était jamais désagréable",
        "Je ne regrette pas mon achat", "pas trop cher",
    ],
)  # fmt: skip
def test_the_negation_of_blame_is_no_complaint(text: str) -> None:
    assert read_texts([text])["mood"][0] == "positive"


@pytest.mark.parametrize(
    "text",
    [
        "It could not be worse", "Ça ne pourrait pas être pire", "I could not be more disappointed", "not happy",
        "Je ne pourrais pas être plus déçu", "Pas mal de bugs", "not good, not nice",
        "Please stop sending me so many emails", "stop calling me every day", "Arrêtez de m'appeler",
        "I could not get better help",
    ],
)  # fmt: skip
def test_the_negation_of_praise_and_a_request_to_stop_are_blame(text: str) -> None:
    assert read_texts([text])["mood"][0] == "negative"
