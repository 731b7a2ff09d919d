"""Graphs in other forms: walks, bits, pictures, files, the objects of other libraries."""

__all__: list[str] = []
