"""What customers write: personal data masked, language, sentiment and topics. `graphrec.market.feedback` is the door.

Hides how a text becomes numbers. Who comes from outside uses the door.
"""

__all__: list[str] = []
