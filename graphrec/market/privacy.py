"""Personal data, lawfully: pseudonyms, consent, erasure, retention, a person's own copy, and the record of processing.

The door to `graphrec.market.protection`; hides which file does what.
"""

from __future__ import annotations

from graphrec.market.protection.disclosure import export_customer, keep_large_groups, processing_record
from graphrec.market.protection.erasure import Erasure, end_retention, erase_customer, needs_retraining
from graphrec.market.protection.keys import PseudonymKey, make_key, read_key
from graphrec.market.protection.permission import allowed_customers, record_consents

__all__ = [
    "Erasure",
    "PseudonymKey",
    "allowed_customers",
    "end_retention",
    "erase_customer",
    "export_customer",
    "keep_large_groups",
    "make_key",
    "needs_retraining",
    "processing_record",
    "read_key",
    "record_consents",
]
