"""What it brought: production cycle, operating cost, defect rate and the ISO 22400-2 figures, as pure functions."""

from zhizao.account.figure import Figure
from zhizao.account.ledger import COMPONENTS, Ledger, keep_book
from zhizao.account.three import ThreeFigures, three_figures

__all__ = ["COMPONENTS", "Figure", "Ledger", "ThreeFigures", "keep_book", "three_figures"]
