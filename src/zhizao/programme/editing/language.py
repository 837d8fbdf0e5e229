"""The language in which edit rules are written, and its parser: text in, clauses of linear comparisons out.

`if revenue_cny > 0 then employees >= 1`, `debts_cny <= assets_cny`, `0.2 <= output_cny / last(output_cny) <= 5`,
`abs(a - b - c) <= 1`, `industry in {"31", "32"}`. Nothing is evaluated as Python. Every condition is brought into
conjunctive normal form: a rule holds when each of its clauses holds, a clause when one of its literals does. A literal
is a linear comparison (an atom) or says which group an enterprise belongs to (a group literal). Item names may be the
keys or the Chinese names. A fault names its place in the text, with a mark under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from zhizao.errors import InputError
from zhizao.programme.items import items

__all__ = ["STEP", "Atom", "Clause", "Group", "Linear", "parse"]

STEP = 1e-3
"""What `<` and `>` ask beyond `<=` and `>=`: no figure of a return is told finer."""

MOST_CLAUSES = 64
MOST_TEXT = 2000
MOST_DEPTH = 60

Column = tuple[str, str]
"""Where a number stands: (`now`, item), (`last`, item), (`year_ago`, item) or (`period`, `month`)."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A weighted sum of columns plus a constant."""

    terms: dict[Column, float] = field(default_factory=dict)
    const: float = 0.0

    def plus(self, other: Linear, factor: float = 1.0) -> Linear:
        """This sum plus `factor` times another."""
        terms = dict(self.terms)
        for column, coef in other.terms.items():
            terms[column] = terms.get(column, 0.0) + factor * coef
        return Linear({c: k for c, k in terms.items() if k != 0.0}, self.const + factor * other.const)

    def times(self, factor: float) -> Linear:
        """This sum times a number."""
        return Linear({}, 0.0).plus(self, factor)


@dataclass(frozen=True, slots=True)
class Atom:
    """`linear <= 0`, or `linear == 0` when `equal`."""

    linear: Linear
    equal: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Whether an attribute (`industry`, `region`, `size`) is one of some codes; the contrary when `negated`."""

    attribute: str
    codes: frozenset[str]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """One of these has to hold."""

    atoms: tuple[Atom, ...]
    groups: tuple[Group, ...] = ()


ATTRIBUTES = ("industry", "region", "size")
_WORDS = {"如果": "if", "那么": "then", "且": "and", "或": "or", "非": "not", "属于": "in"}
_ATTRIBUTE_WORDS = {"行业": "industry", "地区": "region", "规模": "size", "月份": "month"}
_FULL = str.maketrans("（）＜＞＝！＋－＊／，｛｝：％", "()<>=!+-*/,{}:%")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d_]*(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<op><=|>=|==|!=|\.\.|[<>=≤≥≠+\-*/×÷(){},%]))"
)
_OPS = {"≤": "<=", "≥": ">=", "≠": "!=", "=": "==", "×": "*", "÷": "/"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class _Value:
    """A sum, with absolute values (factor, inside) added, perhaps over a divisor."""

    linear: Linear
    absolutes: tuple[tuple[float, Linear], ...] = ()
    divisor: Linear | None = None

    @property
    def constant(self) -> bool:
        return not self.linear.terms and not self.absolutes and self.divisor is None


Literal_ = Atom | Group
Cnf = tuple[tuple[Literal_, ...], ...]


def _names() -> dict[str, str]:
    known = {key: key for key in items()}
    known.update({one.zh: key for key, one in items().items()})
    return known


def parse(text: str, where: str = "") -> tuple[Clause, ...]:
    """Clauses of a rule.

    Parameters
    ----------
    text : the rule, at most 2000 characters
    where : what to call its place in messages

    Raises
    ------
    InputError : with the place and a mark under it, when the text is no rule

    Examples
    --------
    >>> parse("debts_cny <= assets_cny")[0].atoms[0].linear.terms
    {('now', 'debts_cny'): 1.0, ('now', 'assets_cny'): -1.0}
    >>> parse("debts_cny <= asets_cny")
    Traceback (most recent call last):
        ...
    zhizao.errors.InputError: column 14: there is no item "asets_cny"
      debts_cny <= asets_cny
                   ^; write an item's key, such as assets_cny
    """
    return _Parser(text, where).rule()


class _Parser:
    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text.translate(_FULL).replace("\n", " "), where
        self.known = _names()
        self.at = self.depth = 0
        if len(text) > MOST_TEXT:
            raise InputError(
                f"the rule has {len(text):,} characters", where=where, fix=f"keep it under {MOST_TEXT}", code="bad_rule"
            )
        self.tokens = self._split()

    def fault(self, what: str, at: int, fix: str) -> InputError:
        place = f"column {at + 1}"
        shown, lead = self.text, 0
        if len(shown) > 100:
            lead = max(0, at - 50)
            shown = shown[lead : lead + 100]
        wide = sum(2 if ord(c) > 0x2E7F else 1 for c in shown[: at - lead])
        return InputError(
            f"{what}\n  {shown}\n  {' ' * wide}^",
            where=f"{self.where}, {place}" if self.where else place,
            fix=fix,
            code="bad_rule",
        )

    def _split(self) -> list[_Token]:
        tokens, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            found = _TOKEN.match(self.text, at)
            if found is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                raise self.fault(
                    f'"{self.text[at]}" has no meaning here',
                    at,
                    "use names, numbers, + - * / < <= == != >= >, and or not",
                )
            kind = str(found.lastgroup)
            word = found.group(kind)
            word = _WORDS.get(word, _OPS.get(word, word))
            if kind == "name" and word in ("if", "then", "else", "and", "or", "not", "in"):
                kind = "word"
            tokens.append(_Token(kind, word, found.start(str(found.lastgroup))))
            at = found.end()
        if not tokens:
            raise InputError("the rule is empty", where=self.where, fix="write a comparison", code="bad_rule")
        tokens.append(_Token("end", "", end))
        return tokens

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> _Token | None:
        if self.now.text in texts and self.now.kind in ("op", "word"):
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def need(self, text: str, after: str) -> None:
        if not self.take(text):
            raise self.fault(f'"{text}" is missing after {after}', self.now.at, f'write "{text}" here')

    def rule(self) -> tuple[Clause, ...]:
        if self.take("if"):
            given = self.condition()
            self.need("then", "the condition")
            then = self.condition()
            otherwise = self.condition() if self.take("else") else ()
            cnf = self._either(self._negate(given), then)
            if otherwise:
                cnf = cnf + self._either(given, otherwise)
        else:
            cnf = self.condition()
        if self.now.kind != "end":
            raise self.fault(
                f'"{self.now.text}" is not expected here', self.now.at, "join conditions with and, or; close brackets"
            )
        return tuple(_clause(literals) for literals in cnf if not _always(literals))

    def condition(self) -> Cnf:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.fault("the rule is nested too deeply", self.now.at, "write it as several rules")
        found = self.conjunction()
        while self.take("or"):
            found = self._either(found, self.conjunction())
        self.depth -= 1
        return found

    def conjunction(self) -> Cnf:
        found = self.negation()
        while self.take("and"):
            found = found + self.negation()
        return found

    def negation(self) -> Cnf:
        if self.take("not"):
            self.depth += 1
            if self.depth > MOST_DEPTH:
                raise self.fault("the rule is nested too deeply", self.now.at, "write it as several rules")
            found = self._negate(self.negation())
            self.depth -= 1
            return found
        if self.now.text == "(" and self._bracket_holds_condition():
            self.at += 1
            found = self.condition()
            self.need(")", "the condition")
            return found
        return self.comparison()

    def _bracket_holds_condition(self) -> bool:
        depth = 0
        for token in self.tokens[self.at :]:
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "op" else 0
            if depth == 0:
                return False
            if token.text in ("<", "<=", "==", "!=", ">=", ">", "and", "or", "not", "in") and token.kind != "name":
                return True
        return False

    def comparison(self) -> Cnf:
        if self.now.kind == "name" and _ATTRIBUTE_WORDS.get(self.now.text, self.now.text) in ATTRIBUTES:
            return self._group()
        begun, left = self.now.at, self.total()
        if self.take("in"):
            return self._within(left, begun)
        found: Cnf = ()
        while op := self.take("<", "<=", "==", "!=", ">=", ">"):
            right = self.total()
            found = found + self._compare(left, op.text, right, begun)
            left = right
        if not found:
            raise self.fault("a comparison is missing", self.now.at, "compare two sums with <=, <, ==, !=, >, >=")
        return found

    def _group(self) -> Cnf:
        attribute = _ATTRIBUTE_WORDS.get(self.now.text, self.now.text)
        self.at += 1
        codes: list[str] = []
        sign = self.take("==", "!=", "in")
        if sign is None:
            raise self.fault(
                f"{attribute} is a code", self.now.at, f'write {attribute} == "31" or {attribute} in {{"31"}}'
            )
        if sign.text == "in":
            self.need("{", "in")
            codes.append(self._code(attribute))
            while self.take(","):
                codes.append(self._code(attribute))
            self.need("}", "the codes")
        else:
            codes.append(self._code(attribute))
        return ((Group(attribute, frozenset(codes), negated=sign.text == "!="),),)

    def _code(self, attribute: str) -> str:
        token = self.now
        if token.kind not in ("text", "number", "name"):
            raise self.fault(f"a code of {attribute} is missing", token.at, 'write it in quotes, such as "31"')
        self.at += 1
        return token.text.strip("\"'")

    def _within(self, left: _Value, begun: int) -> Cnf:
        if self.take("{"):
            choices: tuple[Literal_, ...] = ()
            while True:
                (one,) = self._compare(left, "==", self.total(), begun)
                choices = choices + one
                if not self.take(","):
                    break
            self.need("}", "the values")
            return (choices,)
        low = self.total()
        self.need("..", "the lower limit")
        return self._compare(low, "<=", left, begun) + self._compare(left, "<=", self.total(), begun)

    def _compare(self, left: _Value, op: str, right: _Value, at: int) -> Cnf:
        if left.divisor is not None or right.divisor is not None:
            left, right = self._multiplied(left, right, at)
        if op in (">", ">="):
            left, right, op = right, left, {">": "<", ">=": "<="}[op]
        linear = left.linear.plus(right.linear, -1.0)
        absolutes = left.absolutes + tuple((-k, inside) for k, inside in right.absolutes)
        if op in ("==", "!="):
            if absolutes:
                up = _below(linear, absolutes)
                down = _below(linear.times(-1), tuple((-k, inside) for k, inside in absolutes))
                both = up + down
                return both if op == "==" else self._negate(both)
            equal = Atom(linear, equal=True)
            return ((equal,),) if op == "==" else self._negate(((equal,),))
        if op == "<":
            linear = linear.plus(Linear({}, STEP))
        return _below(linear, absolutes)

    def _multiplied(self, left: _Value, right: _Value, at: int) -> tuple[_Value, _Value]:
        """Both sides times the divisor, which is not below zero."""
        if left.divisor is not None and right.divisor is not None:
            raise self.fault("two ratios are compared", at, "compare a ratio with a number")
        ratio, other = (left, right) if left.divisor is not None else (right, left)
        if not other.constant or ratio.absolutes:
            raise self.fault(
                "a ratio is compared with something that is no number", at, "compare a ratio with a number"
            )
        assert ratio.divisor is not None
        plain, scaled = _Value(ratio.linear), _Value(ratio.divisor.times(other.linear.const))
        return (plain, scaled) if left.divisor is not None else (scaled, plain)

    def total(self) -> _Value:
        found = self.product()
        while op := self.take("+", "-"):
            other = self.product()
            if found.divisor is not None or other.divisor is not None:
                raise self.fault("a ratio stands in a sum", op.at, "compare a ratio alone with a number")
            sign = 1.0 if op.text == "+" else -1.0
            found = _Value(
                found.linear.plus(other.linear, sign),
                found.absolutes + tuple((sign * k, inside) for k, inside in other.absolutes),
            )
        return found

    def product(self) -> _Value:
        found = self.factor()
        while op := self.take("*", "/"):
            other = self.factor()
            if op.text == "*" and not found.constant:
                found, other = other, found
            if op.text == "*":
                if not found.constant:
                    raise self.fault("two items are multiplied", op.at, "multiply an item with a number only")
                found = _scaled(other, found.linear.const)
            elif other.constant:
                if other.linear.const == 0:
                    raise self.fault("this divides by zero", op.at, "divide by another number")
                found = _scaled(found, 1 / other.linear.const)
            else:
                self._check_divisor(found, other, op.at)
                found = _Value(found.linear, (), other.linear)
        return found

    def _check_divisor(self, over: _Value, under: _Value, at: int) -> None:
        table = items()
        fits = not under.absolutes and under.divisor is None and over.divisor is None and under.linear.const >= 0
        if not fits or any(k < 0 or (n in table and table[n].signed) for (_, n), k in under.linear.terms.items()):
            raise self.fault(
                "this divides by something that can be below zero", at, "write a <= c * b, with its conditions, instead"
            )

    def factor(self) -> _Value:
        token = self.now
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.fault("the rule is nested too deeply", token.at, "write it as several rules")
        try:
            if self.take("-"):
                return _scaled(self.factor(), -1.0)
            if self.take("+"):
                return self.factor()
            if self.take("("):
                found = self.total()
                self.need(")", "the sum")
                return found
            if token.kind == "number":
                self.at += 1
                number = float(token.text.replace("_", ""))
                return _Value(Linear({}, number / 100 if self.take("%") else number))
            if token.kind == "name":
                self.at += 1
                return self._named(token)
        finally:
            self.depth -= 1
        seen = f'"{token.text}"' if token.text else "the end"
        raise self.fault(
            f"a number or an item is expected, {seen} was found", token.at, "write an item's key or a number"
        )

    def _named(self, token: _Token) -> _Value:
        name = _ATTRIBUTE_WORDS.get(token.text, token.text)
        if self.now.text == "(" and name in ("last", "year_ago", "abs", "sum"):
            self.at += 1
            inside = [self.total()]
            while name == "sum" and self.take(","):
                inside.append(self.total())
            self.need(")", f"{name}(...")
            return self._called(name, inside, token.at)
        if name == "month":
            return _Value(Linear({("period", "month"): 1.0}))
        if name not in self.known:
            raise self.fault(
                f'there is no item "{name}"', token.at, f"write an item's key, such as {_near(name, self.known)}"
            )
        return _Value(Linear({("now", self.known[name]): 1.0}))

    def _called(self, name: str, inside: list[_Value], at: int) -> _Value:
        if any(one.divisor is not None or one.absolutes for one in inside):
            raise self.fault(f"{name}() of a ratio or of abs()", at, f"give {name}() a sum of items")
        total = Linear()
        for one in inside:
            total = total.plus(one.linear)
        if name == "abs":
            return _Value(Linear(), ((1.0, total),))
        if name == "sum":
            return _Value(total)
        if any(kind != "now" for kind, _ in total.terms):
            raise self.fault(f"{name}() inside of last() or year_ago()", at, f"give {name}() items of this month")
        return _Value(Linear({(name, item): k for (_, item), k in total.terms.items()}, total.const))

    def _either(self, one: Cnf, other: Cnf) -> Cnf:
        if len(one) * len(other) > MOST_CLAUSES:
            raise self.fault("the rule has too many cases", self.now.at, "write it as several rules")
        return tuple(a + b for a in one for b in other)

    def _negate(self, cnf: Cnf) -> Cnf:
        """Not (all clauses): one clause of which every literal fails."""
        found: Cnf = ((),)
        for clause in cnf:
            contrary: Cnf = ()
            for literal in clause:
                contrary = (*contrary, _contrary(literal))
            found = self._either(found, contrary)
        return found


def _contrary(literal: Literal_) -> tuple[Literal_, ...]:
    """Literals of which one holds exactly where this one does not."""
    if isinstance(literal, Group):
        return (Group(literal.attribute, literal.codes, not literal.negated),)
    above = Atom(literal.linear.times(-1).plus(Linear({}, STEP)))
    return (above, Atom(literal.linear.plus(Linear({}, STEP)))) if literal.equal else (above,)


def _below(linear: Linear, absolutes: tuple[tuple[float, Linear], ...]) -> Cnf:
    """`linear + sum of k |inside| <= 0` in clauses."""
    if not absolutes:
        return ((Atom(linear),),)
    (k, inside), rest = absolutes[0], absolutes[1:]
    up, down = _below(linear.plus(inside, k), rest), _below(linear.plus(inside, -k), rest)
    return up + down if k > 0 else tuple(a + b for a in up for b in down)


def _scaled(value: _Value, factor: float) -> _Value:
    return _Value(
        value.linear.times(factor), tuple((factor * k, inside) for k, inside in value.absolutes), value.divisor
    )


def _always(literals: Iterable[Literal_]) -> bool:
    """Whether a comparison of numbers alone makes the clause hold for everybody."""
    return any(
        isinstance(one, Atom)
        and not one.linear.terms
        and (one.linear.const == 0 if one.equal else one.linear.const <= 0)
        for one in literals
    )


def _clause(literals: tuple[Literal_, ...]) -> Clause:
    atoms = [one for one in literals if isinstance(one, Atom)]
    groups = [one for one in literals if isinstance(one, Group)]
    unlike = {(tuple(sorted(one.linear.terms.items())), one.linear.const, one.equal): one for one in atoms}
    return Clause(tuple(unlike.values()), tuple(dict.fromkeys(groups)))


def _near(name: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(name, known, n=1, cutoff=0.5)), "revenue_cny")
