"""Sentences that a person reads, in English and Chinese at once: reasons, notes."""

from __future__ import annotations

__all__ = ["Said", "in_lang"]


class Said(str):
    """A sentence: English as the text itself, Chinese beside it.

    Parameters
    ----------
    en : English
    zh : Chinese

    Examples
    --------
    >>> note = Said("3 empty rows", "3 个空行")
    >>> note, in_lang(note, "zh"), in_lang("M1", "zh")
    ('3 empty rows', '3 个空行', 'M1')
    """

    zh: str

    def __new__(cls, en: str, zh: str) -> Said:
        """Sentence from both languages."""
        said = super().__new__(cls, en)
        said.zh = zh
        return said

    def then(self, more: str) -> Said:
        """The sentence with another one after it.

        Examples
        --------
        >>> in_lang(Said("one", "一").then(Said("two", "二")), "zh")
        '一；二'
        """
        return Said(f"{self}; {more}", f"{self.zh}；{in_lang(more, 'zh')}") if more else self

    def under(self, en: str, zh: str) -> Said:
        """The sentence with a place in front of it."""
        return Said(f"{en}{self}", f"{zh}{self.zh}")


def in_lang(text: str, lang: str) -> str:
    """Sentence in a language (`en` or `zh`); text that is the same in both is returned as it is."""
    return text.zh if lang == "zh" and isinstance(text, Said) else str(text)
