"""How an effect follows from observed columns: adjustment sets, detours, the ID algorithm."""

__all__: list[str] = []
