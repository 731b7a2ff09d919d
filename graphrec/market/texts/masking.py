"""Texts as they may be read: markup gone, personal data masked, a bounded length.

Hides what counts as personal data and the patterns that find it. Masking happens before anything else looks at a text,
so no log, topic word, model or page can hold an address. It rather masks too much: every run of seven digits or more
goes, whether it is a telephone, a card or an order.

Names in running text are not found, except after a title, an introduction ("my name is", "je suis Zoé Martin") or the
closing of a letter. Alternative considered: a model that recognises names. It needs a download for each language and
still misses one name in ten.
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
_MASKS = "email|phone|iban|card|number|name|link|address"
_TAG = re.compile(rf"<(?!(?:{_MASKS})>)[/!a-zA-Z][^<>]{{0,2000}}>|<!--")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.I)
# Possessive and bounded on the left, so that a megabyte of letters costs one pass.
_DOT = r"(?:\.|\s*[\[(](?:dot|point)[\])]\s*|\s(?:dot|point)\s)"
_EMAIL = re.compile(
    rf"(?<![\w.+-])[\w.+-]++(?:\s(?:dot|point)\s[\w.+-]++){{0,4}}"
    rf"\s?(?:@|[\[(](?:at|chez|arobase)[\])])\s?[\w-]++(?:{_DOT}[\w-]++)*",
    re.I,
)
_PROVIDERS = "gmail|googlemail|hotmail|yahoo|outlook|live|icloud|orange|free|laposte|wanadoo|sfr|gmx|aol|protonmail"
_SPELT_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]++(?:\s(?:dot|point)\s[\w.+-]++){0,4}\s(?:at|chez|arobase|arrobase)\s"
    rf"(?:[\w-]++(?:\s(?:dot|point)\s[\w-]++){{1,4}}|(?:{_PROVIDERS})\.[\w.]++)",
    re.I,
)
_SPACED_EMAIL = re.compile(r"(?<!\s[\w.+-]\s)(?<![\w.+-])(?:[\w.+-]\s){2,}+@(?:\s[\w.-](?![\w.-])){2,}+")
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
_NAME = r"[A-ZÀ-Þ][\w'’-]*+\.?(?:[ \t]+(?:(?:de|du|van|von|le|la|el|ben)[ \t]+)?[A-ZÀ-Þ][\w'’-]*+){0,2}"
# Two capitalised words; a text all in capitals says nothing of names.
_INTRODUCED = re.compile(
    r"\b((?i:i am|i['’]m|je suis|this is|ici))(\s+)(?!(?:Very|So|Not|Really|Too|Très|Trop|Pas|Vraiment)\b)"
    r"[A-ZÀ-Þ][a-zà-ÿ'’-]++\s+[A-ZÀ-Þ][\w'’-]++"
)
_CLOSED = re.compile(
    r"\b((?i:regards|best wishes|sincerely|yours (?:truly|faithfully)|cordialement|salutations|amicalement|bien à vous|"
    rf"cdlt))([ \t]{{0,3}}[,:–-]?\s{{0,4}}){_NAME}"
)
_CLOSED_SMALL = re.compile(
    r"\b(regards|sincerely|cordialement|cdlt)(\s*,\s*)(?!<)[\w'’-]++(?:[ \t]+[\w'’-]++){0,2}(?=[\s.!]{0,5}\Z)", re.I
)
_SIGNED = re.compile(
    rf"\b((?i:signed|signé|signée))(\)?\s{{0,3}}[,:–-]\s{{0,3}}|\)\s{{0,3}}|\s(?i:(?:by|par)\s)?){_NAME}"
    r"(?=[\s.!]{0,5}(?:\n|\Z))"
)
_THANKED = re.compile(
    r"\b((?i:thanks|thank you|cheers|merci|merci d['’]avance))(\s*[,–-]\s*)[A-ZÀ-Þ][\w'’-]++\s+[A-ZÀ-Þ][\w'’-]++"
    r"(?=[\s.!]{0,5}\Z)"
)
_NAMES = (_TITLE, _NAMED, _INTRODUCED, _CLOSED, _CLOSED_SMALL, _SIGNED, _THANKED)
_UK_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}"
_STREET_FR = re.compile(
    r"(?<![\w.,])\d{1,4}(?:\s?(?:bis|ter|quater|[a-d]))?,?\s"
    r"(?:(?:rue|avenue|av\.|boulevard|bd\.?|place|chemin|impasse|allée|allee|route|quai|cours|square|passage)\s"
    r"(?:[\w'’.-]++,?\s){1,8}?(?:[a-z]-)?\d{5}(?!\d)(?-i:\s[A-ZÀ-Þ][\w'’-]++){0,3}|"
    r"(?:rue|avenue|av\.|boulevard|bd\.?|chemin|impasse|allée|quai)\s(?:(?:de|du|des|la|le|les|l['’]|d['’])\s?){0,2}"
    r"(?-i:[A-ZÀ-Þ][\w'’-]++)(?-i:\s[A-ZÀ-Þ][\w'’-]++){0,3})",
    re.I,
)
_STREET = "street|st|road|rd|avenue|ave|lane|ln|drive|close|court|boulevard|blvd|way|place|square|terrace|crescent"
_STREET_EN = re.compile(
    rf"(?<![\w.,])\d{{1,5}}[a-d]?,?\s(?:(?:[\w'’.-]++\s){{1,4}}?(?:{_STREET})\b\.?(?:,?\s[\w'’.-]++){{0,5}}?,?\s"
    rf"(?:{_UK_POSTCODE}|\d{{5}})\b|(?-i:(?:[A-Z][\w'’.-]*+\s){{1,4}}?)(?:{_STREET})\b(?-i:,?\s[A-Z][\w'’-]++){{0,3}})",
    re.I,
)
_POSTCODE = re.compile(rf"\b{_UK_POSTCODE}\b")


def mask_personal(text: str) -> str:
    """Replace personal data by what it was: ``<email>``, ``<phone>``, ``<iban>``, ``<card>``, ``<number>``, ``<name>``.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Links become ``<link>``, and a street with its number ``<address>``.

    Notes
    -----
    Assumes that identifiers are written in digits or with an at sign or its name. A name in running text, or a number
    spelt out, stays; words of topics are therefore also asked to stand in many texts.

    Examples
    --------
    >>> mask_personal("Write to jane.doe@example.com or call 06 12 34 56 78, Mme Durand")
    'Write to <email> or call <phone>, Mme <name>'
    """
    if "@" in text or "(" in text or "[" in text:
        text = _HANDLE.sub("<name>", _EMAIL.sub("<email>", _SPACED_EMAIL.sub("<email>", text)))
    text = _SPELT_EMAIL.sub("<email>", text)
    if "http" in text or "www" in text or "HTTP" in text:
        text = _LINK.sub("<link>", text)
    if any(character.isdigit() for character in text):
        text = _POSTCODE.sub("<address>", _STREET_EN.sub("<address>", _STREET_FR.sub("<address>", text)))
        text = _DIGITS.sub(_named_digits, _IBAN.sub("<iban>", text))
    for pattern in _NAMES:
        text = pattern.sub(r"\1\2<name>", text)
    return text


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
