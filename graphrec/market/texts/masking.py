"""Texts as they may be read: markup gone, personal data masked, a bounded length.

Hides what counts as personal data and the patterns that find it. Masking happens before anything else looks at a text,
so no log, topic word, model or page can hold an address. It rather masks too much: every run of seven digits or more
goes, whether it is a telephone, a card or an order.

Names in running text are not found, except after a title, a handle or "my name is". Alternative considered: a model
that recognises names. It needs a download for each language and still misses one name in ten.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["LONGEST", "clean_text", "clean_texts", "mask_personal"]

LONGEST = 20_000
"""Characters that are read of one text; the rest is left out."""

_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_MASKS = "email|phone|iban|card|number|name|link"
_TAG = re.compile(rf"<(?!(?:{_MASKS})>)[/!a-zA-Z][^<>]{{0,2000}}>|<!--")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.I)
# Possessive and bounded on the left, so that a megabyte of letters costs one pass.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++\s?(?:@|[\[(](?:at|chez|arobase)[\])])\s?[\w-]+(?:\.[\w-]+)*", re.I)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,30}|"
    r"[ .-]?[A-Za-z0-9]{4}(?:[ .-]?(?=[A-Za-z]{0,3}\d)[A-Za-z0-9]{4}){1,6}(?:[ .-]?(?=\D?\D?\d)[A-Za-z0-9]{1,3})?)"
    r"(?![A-Za-z0-9])"
)
_DIGITS = re.compile(r"\+?\(?\d(?:[\s().\-/_*]{0,3}\d){6,}")
_HANDLE = re.compile(r"(?<!\w)@\w{2,}")
_TITLE = re.compile(
    r"\b(M\.|Mme|Mlle|Mr\.?|Mrs\.?|Ms\.?|Dr\.?|Monsieur|Madame|Mister)(\s+)[A-ZÀ-Þ][\w'-]*(?:\s+[A-ZÀ-Þ][\w'-]*)?"
)
_NAMED = re.compile(r"\b(my name is|je m'appelle|je me nomme|mon nom est)(\s+)[\w'-]+(?:\s+[A-ZÀ-Þ][\w'-]*)?", re.I)


def mask_personal(text: str) -> str:
    """Replace personal data by what it was: ``<email>``, ``<phone>``, ``<iban>``, ``<card>``, ``<number>``, ``<name>``.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Links become ``<link>``.

    Notes
    -----
    Assumes that identifiers are written in digits or with an at sign. A name without a title, or a number spelt out,
    stays; words of topics are therefore also asked to stand in many texts.

    Examples
    --------
    >>> mask_personal("Write to jane.doe@example.com or call 06 12 34 56 78, Mme Durand")
    'Write to <email> or call <phone>, Mme <name>'
    """
    if "@" in text or "(" in text or "[" in text:
        text = _HANDLE.sub("<name>", _EMAIL.sub("<email>", text))
    if "http" in text or "www" in text or "HTTP" in text:
        text = _LINK.sub("<link>", text)
    if any(character.isdigit() for character in text):
        text = _DIGITS.sub(_named_digits, _IBAN.sub("<iban>", text))
    text = _TITLE.sub(r"\1\2<name>", text)
    return _NAMED.sub(r"\1\2<name>", text)


def clean_text(text: object) -> str:
    """One text without markup and personal data, cut after `LONGEST` characters; what is missing is empty.

    Examples
    --------
    >>> clean_text("<p>Great &amp; <b>fast</b></p>"), clean_text(None)
    ('Great & fast', '')
    """
    if not isinstance(text, str):
        return ""
    kept = text if len(text) <= LONGEST else text[:LONGEST]
    if "&" in kept:
        kept = html.unescape(kept)
    if "<" in kept:
        kept = _TAG.sub(" ", _HIDDEN.sub(" ", kept))
    if not kept.isascii():
        kept = _INVISIBLE.sub("", unicodedata.normalize("NFKC", kept))
    return " ".join(mask_personal(kept).split())


def clean_texts(texts: Iterable[object]) -> npt.NDArray[np.object_]:
    """`clean_text` of each, as an array of texts."""
    found = [clean_text(text) for text in texts]
    return np.array(found, dtype=object) if found else np.zeros(0, dtype=object)


def _named_digits(found: re.Match[str]) -> str:
    text = found.group()
    digits = sum(character.isdigit() for character in text)
    tail = " " if text[-1:].isspace() else ""
    if 13 <= digits <= 19 and not text.startswith("+"):
        return "<card>" + tail
    return ("<phone>" if text[0] in "+(0" and digits <= 15 else "<number>") + tail
