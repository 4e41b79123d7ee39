"""Characters as LaTeX: what its standard fonts can print comes out as itself, whatever way it was typed.

Everything here needs only LaTeX's kernel (from 2020 on); letters such as "ą" or "ð" need its T1 fonts too.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "*": r"\textasteriskcentered{}",
    "|": r"\textbar{}",
    "-": "{-}",
    "`": "{`}",
    "\n": " ",
    "\t": " ",
}
"""ASCII that means something to LaTeX."""
TEXT: Final = {
    "–": "--",
    "‒": "--",
    "—": "---",
    "―": "---",
    "‐": "{-}",
    "‑": "{-}",
    "‘": "`",
    "’": "'",
    "ʼ": "'",
    "“": "``",
    "”": "''",
    "‚": ",",
    "„": ",,",
    "‹": r"\textless{}",
    "›": r"\textgreater{}",
    "ȷ": r"\j{}",  # beyond the letters that every LaTeX reads as they are
    "…": r"\ldots{}",
    "·": r"\textperiodcentered{}",
    "•": r"\textbullet{}",
    "●": r"\textbullet{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "¿": r"\textquestiondown{}",
    "¡": r"\textexclamdown{}",
    "£": r"\pounds{}",
    "€": r"\texteuro{}",
    "¥": r"\textyen{}",
    "¢": r"\textcent{}",
    "¤": r"\textcurrency{}",
    "©": r"\textcopyright{}",
    "®": r"\textregistered{}",
    "™": r"\texttrademark{}",
    "‰": r"\textperthousand{}",
    "¦": r"\textbrokenbar{}",
    "´": r"\'{}",
    "¨": r"\"{}",
    "¯": r"\={}",
    "¸": r"\c{}",
    "ˆ": r"\textasciicircum{}",
    "˜": r"\textasciitilde{}",
    "⁎": r"\textasteriskcentered{}",
    "⁄": "/",
    "\u00a0": "~",
    "\u2009": r"\,",
    "\u200a": r"\,",
    "\u202f": r"\,",
    **dict.fromkeys("\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u205f\u3000", " "),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", ""),
}
MATH: Final = {
    "−": "-",
    "°": r"^\circ",
    "º": r"^\circ",
    "±": r"\pm",
    "∓": r"\mp",
    "×": r"\times",
    "÷": r"\div",
    "⋅": r"\cdot",
    "∙": r"\bullet",
    "∘": r"\circ",
    "◦": r"\circ",
    "○": r"\bigcirc",
    "∗": r"\ast",
    "★": r"\star",
    "△": r"\triangle",
    "◇": r"\diamond",
    "≥": r"\geq",
    "≤": r"\leq",
    "⩾": r"\geq",
    "⩽": r"\leq",
    "≈": r"\approx",
    "≠": r"\neq",
    "≡": r"\equiv",
    "∼": r"\sim",
    "≃": r"\simeq",
    "≅": r"\cong",
    "≪": r"\ll",
    "≫": r"\gg",
    "«": r"\ll",
    "»": r"\gg",
    "∝": r"\propto",
    "∞": r"\infty",
    "∈": r"\in",
    "∉": r"\notin",
    "⊂": r"\subset",
    "⊆": r"\subseteq",
    "∪": r"\cup",
    "∩": r"\cap",
    "∅": r"\emptyset",
    "∀": r"\forall",
    "∃": r"\exists",
    "∧": r"\wedge",
    "∨": r"\vee",
    "¬": r"\neg",
    "⊕": r"\oplus",
    "⊗": r"\otimes",
    "∑": r"\sum",
    "∏": r"\prod",
    "√": r"\surd",
    "∂": r"\partial",
    "∇": r"\nabla",
    "∆": r"\Delta",
    "∫": r"\int",
    "∣": r"\mid",
    "∥": r"\|",
    "‖": r"\|",
    "⟨": r"\langle",
    "⟩": r"\rangle",
    "⌊": r"\lfloor",
    "⌋": r"\rfloor",
    "⌈": r"\lceil",
    "⌉": r"\rceil",
    "ℓ": r"\ell",
    "′": "'",
    "←": r"\leftarrow",
    "→": r"\rightarrow",
    "↔": r"\leftrightarrow",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "⇐": r"\Leftarrow",
    "⇒": r"\Rightarrow",
    "⇔": r"\Leftrightarrow",
}
_GREEK: Final = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"),
    *("nu", "xi", "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)
_GREEK_AS_LATIN: Final = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))
_T1_ALONE: Final = frozenset("ÆæØøßŒœŁłÐðÞþĐđŊŋı")
"""Letters of the T1 fonts that are no accented ones."""
_ABOVE: Final = {
    "\u0300": r"\`",
    "\u0301": r"\'",
    "\u0302": r"\^",
    "\u0303": r"\~",
    "\u0304": r"\=",
    "\u0306": r"\u",
    "\u0307": r"\.",
    "\u0308": r"\"",
    "\u030a": r"\r",
    "\u030b": r"\H",
    "\u030c": r"\v",
}
_BELOW: Final = {"\u0323": r"\d", "\u0327": r"\c", "\u0328": r"\k", "\u0331": r"\b", "\u0326": r"\textcommabelow"}
_CLUSTER: Final = re.compile("(.)([\u0300-\u036f]*)", re.DOTALL)


def latex_characters(text: str) -> str:
    """A text in which every character is literal; what LaTeX's fonts lack becomes its code point, ``[U+7D50]``."""
    return "".join(_cluster(base, marks) for base, marks in _CLUSTER.findall(unicodedata.normalize("NFC", text)))


def _cluster(base: str, marks: str) -> str:
    """A character with its accents, which may be part of it."""
    letter, *accents = list(unicodedata.normalize("NFD", base + marks))
    commands = [_ABOVE.get(mark) or _BELOW.get(mark) for mark in accents]
    accented = letter in _T1_ALONE or letter == "ȷ" or (letter.isascii() and letter.isalpha())
    if not accents or None in commands or not accented:
        return "".join(map(_character, base + marks))
    if not marks and base <= "ž":
        return base
    dotless = letter == "ȷ" or (letter in "ij" and any(mark in _ABOVE for mark in accents))
    found = rf"\{letter.replace('ȷ', 'j')}" if dotless else letter
    for command in commands:
        found = f"{command}{{{found}}}"
    return found


def _character(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if " " <= character <= "~" or character in _T1_ALONE:
        return character
    if character in TEXT:
        return TEXT[character]
    if character in MATH:
        return f"${MATH[character]}$"
    if character in _GREEK_AS_LATIN:
        return rf"$\mathrm{{{_GREEK_AS_LATIN[character]}}}$"
    if "α" <= character <= "ω":
        return rf"$\{_GREEK[ord(character) - ord('α')]}$"
    if "Γ" <= character <= "Ω":
        return rf"$\{_GREEK[ord(character) - ord('Α')].capitalize()}$"
    return _compatible(character)


def _compatible(character: str) -> str:
    """A character that Unicode says is another in small, raised, wide or joined; else its code point."""
    kind = unicodedata.decomposition(character).partition(">")[0].removeprefix("<")
    plain = unicodedata.normalize("NFKC", character)
    inner = "".join(map(_character, plain)) if plain != character else ""
    if not inner.strip() or "[U+" in inner:
        return f"[U+{ord(character):04X}]"
    raised = {"super": r"\textsuperscript", "sub": r"\textsubscript"}.get(kind)
    return f"{raised}{{{inner}}}" if raised else inner
