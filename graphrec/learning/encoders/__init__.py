"""Behind the doors `learning.encoder` and `learning.training`: the graph, its products, objectives and new nodes."""

__all__: list[str] = []
