"""Text that stays text.

Names and notes are typed by customers and strangers. A cell that a spreadsheet might take for a formula gets an
apostrophe in front; numbers stay numbers, negative ones too.
"""

import re

MAX_CELL = 32_767

# Full-width signs are formulas too where the input method is East Asian.
# Invisible characters in front of a sign are left out by some.
_FORMULA = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n\0]")
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def safe_text(text: str) -> str:
    """`text` as a cell that no spreadsheet computes."""
    shown = _NO_XML.sub("", text)
    return f"'{shown}" if _FORMULA.match(text) or _FORMULA.match(shown) else shown


def sheet_text(text: str) -> str:
    """The same for a workbook: as long as a cell can be, lines broken as XML has it."""
    shown = safe_text(text).replace("\r\n", "\n").replace("\r", "\n")
    # The writer would take it for the inside of a formatted cell and not escape it.
    return (f"'{shown}" if shown.startswith("<r>") else shown)[:MAX_CELL]
