"""Formulas in probabilities of observed columns: built, shortened, printed and evaluated.

Hides how a formula is stored and which laws shorten it: a probability sums to one over what it is about, a sum passes
by factors that do not mention its variable, equal factors of a fraction cancel. A computer algebra system was
considered; it knows nothing of conditioning, and four kinds of node are enough.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Expression", "Fraction", "Probability", "Product", "Sum", "fraction", "marginalize", "product"]


class Expression(ABC):
    """A formula; ``str`` gives it as text, with a prime on summed names that also stand outside their sum."""

    @property
    @abstractmethod
    def free(self) -> frozenset[str]:
        """Names whose values the formula depends on."""

    def __str__(self) -> str:
        return self._render({name: name for name in self.free})

    @abstractmethod
    def evaluate(self, joint: Floats, names: tuple[str, ...]) -> Floats:
        """Return the value of the formula under a joint distribution.

        Parameters
        ----------
        joint : ndarray of float, one axis per name
            Probabilities of all combinations of levels.
        names : tuple of str
            The columns that the axes stand for.

        Returns
        -------
        ndarray of float
            One axis per name, of length 1 where the formula does not depend on it. Nan where it conditions on what
            has probability 0.
        """

    @abstractmethod
    def _render(self, shown: Mapping[str, str]) -> str: ...


@dataclass(frozen=True)
class Probability(Expression):
    """``P(of | given)``, both sorted by name."""

    of: tuple[str, ...]
    given: tuple[str, ...] = ()

    @cached_property
    def free(self) -> frozenset[str]:
        """Names on both sides of the bar."""
        return frozenset(self.of + self.given)

    def evaluate(self, joint: Floats, names: tuple[str, ...]) -> Floats:
        """Return the conditional probabilities; see :class:`Expression`."""
        import numpy as np

        above, below = (
            joint.sum(axis=tuple(i for i, name in enumerate(names) if name not in kept), keepdims=True)
            for kept in (self.of + self.given, self.given)
        )
        chances: Floats = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
        return chances

    def _render(self, shown: Mapping[str, str]) -> str:
        bar = f" | {', '.join(shown[n] for n in self.given)}" if self.given else ""
        return f"P({', '.join(shown[n] for n in self.of)}{bar})"


@dataclass(frozen=True)
class Product(Expression):
    """The product of its factors; 1 without any."""

    factors: tuple[Expression, ...] = ()

    @cached_property
    def free(self) -> frozenset[str]:
        """Names in any factor."""
        return frozenset().union(*(factor.free for factor in self.factors))

    def evaluate(self, joint: Floats, names: tuple[str, ...]) -> Floats:
        """Return the product; see :class:`Expression`."""
        import numpy as np

        result: Floats = np.ones((1,) * len(names))
        for factor in self.factors:
            result = result * factor.evaluate(joint, names)
        return result

    def _render(self, shown: Mapping[str, str]) -> str:
        # A sum reaches to the end of its product, so it stands last or in brackets.
        ordered = sorted(self.factors, key=lambda factor: isinstance(factor, Sum))
        sums = [factor for factor in ordered if isinstance(factor, Sum)]
        closed = [f in sums[:-1] or isinstance(f, Fraction) for f in ordered]
        texts = [f"({f._render(shown)})" if shut else f._render(shown) for f, shut in zip(ordered, closed)]
        return " ".join(texts) or "1"


@dataclass(frozen=True)
class Sum(Expression):
    """The sum of a term over all values of some names."""

    over: tuple[str, ...]
    term: Expression

    @cached_property
    def free(self) -> frozenset[str]:
        """Names of the term that are not summed over."""
        return self.term.free - frozenset(self.over)

    def evaluate(self, joint: Floats, names: tuple[str, ...]) -> Floats:
        """Return the sum; see :class:`Expression`."""
        result = self.term.evaluate(joint, names)
        for name in self.over:
            axis = names.index(name)
            constant = result.shape[axis] == 1
            result = result * joint.shape[axis] if constant else result.sum(axis=axis, keepdims=True)
        return result

    def _render(self, shown: Mapping[str, str]) -> str:
        inside = dict(shown)
        for name in self.over:
            printed = name
            while printed in inside.values():
                printed += "'"
            inside[name] = printed
        return f"sum_{{{', '.join(inside[n] for n in self.over)}}} {self.term._render(inside)}"


@dataclass(frozen=True)
class Fraction(Expression):
    """One expression over another."""

    numerator: Expression
    denominator: Expression

    @cached_property
    def free(self) -> frozenset[str]:
        """Names above or below the line."""
        return self.numerator.free | self.denominator.free

    def evaluate(self, joint: Floats, names: tuple[str, ...]) -> Floats:
        """Return the ratio; see :class:`Expression`."""
        import numpy as np

        above, below = (part.evaluate(joint, names) for part in (self.numerator, self.denominator))
        shape = np.broadcast_shapes(above.shape, below.shape)
        ratio: Floats = np.divide(above, below, out=np.full(shape, np.nan), where=np.broadcast_to(below, shape) > 0)
        return ratio

    def _render(self, shown: Mapping[str, str]) -> str:
        return f"[{self.numerator._render(shown)}] / [{self.denominator._render(shown)}]"


def product(factors: Iterable[Expression]) -> Expression:
    """Return the product of factors, products among them opened."""
    flat: list[Expression] = []
    for factor in factors:
        flat += factor.factors if isinstance(factor, Product) else (factor,)
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def fraction(numerator: Expression, denominator: Expression) -> Expression:
    """Return a ratio in its shortest form: equal factors cancel, and ``P(a, b) / P(b)`` is ``P(a | b)``."""
    above, below = list(_factors(numerator)), list(_factors(denominator))
    for factor in tuple(below):
        if factor in above:
            above.remove(factor)
            below.remove(factor)
    if not below:
        return product(above)
    if len(above) == len(below) == 1:
        conditional = _conditional(above[0], below[0])
        if conditional is not None:
            return conditional
    return Fraction(product(above), product(below))


def marginalize(expression: Expression, names: Iterable[str]) -> Expression:
    """Return the sum of an expression over all values of some names, one after the other, each as far in as it goes."""
    for name in names:
        expression = _sum_out(expression, name)
    return expression


def _sum_out(expression: Expression, name: str) -> Expression:
    inside = [factor for factor in _factors(expression) if name in factor.free]
    outside = [factor for factor in _factors(expression) if name not in factor.free]
    if not inside:
        return Sum((name,), expression)
    if len(inside) > 1:
        return product([*outside, Sum((name,), product(inside))])
    return product([*outside, _sum_factor(inside[0], name)])


def _sum_factor(factor: Expression, name: str) -> Expression:
    if isinstance(factor, Probability) and name in factor.of:
        rest = tuple(other for other in factor.of if other != name)
        return Probability(rest, factor.given) if rest else Product()
    if isinstance(factor, Fraction) and name not in factor.denominator.free:
        return fraction(_sum_out(factor.numerator, name), factor.denominator)
    if isinstance(factor, Sum) and name not in factor.over:
        inner = _sum_out(factor.term, name)
        if isinstance(inner, Sum):
            return Sum((*factor.over, *inner.over), inner.term)
        return Sum(factor.over, inner) if set(factor.over) <= inner.free else Sum((*factor.over, name), factor.term)
    return Sum((name,), factor)


def _factors(expression: Expression) -> tuple[Expression, ...]:
    return expression.factors if isinstance(expression, Product) else (expression,)


def _conditional(above: Expression, below: Expression) -> Probability | None:
    if not (isinstance(above, Probability) and isinstance(below, Probability)):
        return None
    if above.given != below.given or not set(below.of) < set(above.of):
        return None
    rest = tuple(name for name in above.of if name not in below.of)
    return Probability(rest, tuple(sorted((*above.given, *below.of))))
