"""The rows of a CSV file with the lines on which they begin, and its columns by name."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence


class NotReadable(ValueError):
    """It is no such CSV file. The sentence goes on after what the file is called: `line 3 is not valid CSV (...).`"""


def numbered_rows(lines: Iterable[str], delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The cells without the spaces around them, and the line on which a row begins. Raises `NotReadable`."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, [cell.strip() for cell in cells]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise NotReadable(f"line {begins} is not valid CSV ({error}).") from None


def columns_of(header: Sequence[str], known: Collection[str], needed: Collection[str]) -> dict[str, int]:
    """Where each column stands that is known; case does not count. Raises `NotReadable`."""
    names = [name.casefold() for name in header]
    if missing := [name for name in needed if name not in names]:
        raise NotReadable(
            f"the first line must name the columns, separated by commas; missing: {', '.join(missing)}."
        )
    found = [name for name in names if name in known]
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise NotReadable(f"the first line names a column twice: {', '.join(twice)}.")
    return {name: names.index(name) for name in found}
