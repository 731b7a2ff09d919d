"""Behind the doors `learning.filters` and `learning.encoder`: the parts that appetite is made of."""

__all__: list[str] = []
