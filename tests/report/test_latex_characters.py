"""Characters in LaTeX: the ordinary ones come out as themselves."""

import shutil
import subprocess
import sys
import unicodedata

import pytest

from benchmark.report.printing.latex import latex_text
from benchmark.report.printing.latex_characters import MATH, SPECIAL, TEXT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A·B", r"A\textperiodcentered{}B"),
        ("5 µm, 5 μm", r"5 $\mu$m, 5 $\mu$m"),  # the unit's sign and the Greek letter
        ("10⁻³", r"10\textsuperscript{$-$}\textsuperscript{3}"),
        ("CO₂ ½ ﬁ №", r"CO\textsubscript{2} 1/2 fi No"),
        ("90° 5 € 3‰", r"90$^\circ$ 5 \texteuro{} 3\textperthousand{}"),
        ("β Ω Α", r"$\beta$ $\Omega$ $\mathrm{A}$"),
        ("a → b ≠ c", r"a $\rightarrow$ b $\neq$ c"),
        ("é Łódź", "é Łódź"),
        ("e\u0301", "é"),  # typed as two characters
        ("ế x\u0304 ị", r"\'{\^{e}} \={x} \d{i}"),
        ("ǐ", r"\v{\i}"),
        ("ǰ ȷ ȷ\u0301 j\u0323 ȷ\u0323 ı", r"\v{\j} \j{} \'{\j} \d{j} \d{\j} ı"),
        ("…—–‑", r"\ldots{}-----{-}"),
        ("a\u200bb\u00adc\ufeff", "abc"),
        ("結 한 😀", "[U+7D50] [U+D55C] [U+1F600]"),
        ("\u202e", "[U+202E]"),
        ("ħ", "[U+0127]"),  # the T1 fonts lack it; passed on, it stops LaTeX
    ],
)
def test_what_a_text_becomes(text, expected):
    assert latex_text(text) == expected


def test_no_two_characters_that_print_as_themselves_are_one():
    """Different letters, signs and digits stay different; spaces and dashes that look alike may be one."""
    alike = "‐‑-‒–—―‘’ʼ“”‚„,'`<>‹›•●∙·…´¨¯¸ˆ˜^~*∗⁎⁄/°º∘◦«»≪≫⩾⩽≥≤‖∥"
    found: dict[str, str] = {}
    for character in {**SPECIAL, **TEXT, **MATH}:
        text = latex_text(character)
        if character not in alike and text.strip(" ~\\,"):
            assert found.setdefault(text, character) == character
    assert len(found) > 75


def printable():
    """Every character of Unicode that does not become its code point, with its LaTeX."""
    for code in range(0x20, sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) not in ("Cn", "Co", "Cs", "Mn"):
            text = latex_text(character)
            if "[U+" not in text:
                yield code, text


def test_what_is_passed_on_is_in_the_range_that_every_latex_reads():
    assert [text for _, text in printable() if any(ord(character) > 0x17F for character in text)] == []


def test_latin_1_and_greek_are_there():
    there = {chr(code) for code, _ in printable()}
    assert {chr(c) for c in range(0xA0, 0x100)} <= there
    assert set("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψω") <= there


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex (texlive-latex-recommended)")
def test_every_character_that_is_passed_on_has_a_glyph(tmp_path):
    found = list(printable())
    assert len(found) > 2000
    body = "\n\n".join(rf"\typeout{{at {code:04X}}}{text}." for code, text in found)
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\tracinglostchars=3 \begin{document}"
    (tmp_path / "all.tex").write_text(rf"{head}{body}\end{{document}}", encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-1000:]
    assert "Missing character" not in (tmp_path / "all.log").read_text(errors="replace")
