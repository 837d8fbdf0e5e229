"""Statistical data editing of returns: rules, error localisation, outliers, influence, imputation, signs of invention."""

from zhizao.programme.editing.localise import Localised, localise
from zhizao.programme.editing.returns import Returns, from_frame, period_name, recognise
from zhizao.programme.editing.rules import Rule, RuleSet, read_rules, rule_set, shipped_rules
from zhizao.programme.editing.system import System, broken, compile_rules, verdicts

__all__ = [
    "Localised",
    "Returns",
    "Rule",
    "RuleSet",
    "System",
    "broken",
    "compile_rules",
    "from_frame",
    "localise",
    "period_name",
    "read_rules",
    "recognise",
    "rule_set",
    "shipped_rules",
    "verdicts",
]
