"""How edges are found: tests, scores, noise shapes, knowledge as matrices, bootstraps."""

__all__: list[str] = []
