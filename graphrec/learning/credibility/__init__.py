"""How far a learned effect may be believed: overlap, placebos, bad controls, hidden causes, form, size and grade."""

__all__: list[str] = []
