"""Statistical data editing of returns: rules, error localisation, outliers, influence, imputation, signs of invention."""

from zhizao.programme.editing.cells import Cells, Expected, cells_of, expect
from zhizao.programme.editing.check import RuleFault, check_rules
from zhizao.programme.editing.deductive import Deduced, deduce
from zhizao.programme.editing.edit import Edited, Outlier, Settings, edit
from zhizao.programme.editing.impute import Imputed, impute
from zhizao.programme.editing.influence import Callbacks, pseudo_bias, select
from zhizao.programme.editing.invented import Sign, Suspicion, suspicions
from zhizao.programme.editing.localise import Localised, localise
from zhizao.programme.editing.outliers import HidiroglouBerthelot, mcd, period_outliers, ratio_outliers
from zhizao.programme.editing.returns import HEADINGS, Returns, from_frame, period_name, recognise
from zhizao.programme.editing.rules import Rule, RuleSet, read_rules, rule_set, shipped_rules
from zhizao.programme.editing.system import System, broken, compile_rules, verdicts
from zhizao.programme.editing.told import account, as_json, callback_rows, corrected, located_rows

__all__ = [
    "HEADINGS",
    "Callbacks",
    "Cells",
    "Deduced",
    "Edited",
    "Expected",
    "HidiroglouBerthelot",
    "Imputed",
    "Localised",
    "Outlier",
    "Returns",
    "Rule",
    "RuleFault",
    "RuleSet",
    "Settings",
    "Sign",
    "Suspicion",
    "System",
    "account",
    "as_json",
    "broken",
    "callback_rows",
    "cells_of",
    "check_rules",
    "compile_rules",
    "corrected",
    "deduce",
    "edit",
    "expect",
    "from_frame",
    "impute",
    "localise",
    "located_rows",
    "mcd",
    "period_name",
    "period_outliers",
    "pseudo_bias",
    "ratio_outliers",
    "read_rules",
    "recognise",
    "rule_set",
    "select",
    "shipped_rules",
    "suspicions",
    "verdicts",
]
