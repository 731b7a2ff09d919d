"""Single attempts to prove an effect wrong."""

__all__: list[str] = []
