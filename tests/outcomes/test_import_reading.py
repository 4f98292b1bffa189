"""A CSV file is read to the letter or refused with the line that is to blame."""

import pytest

from outcomes.exchange import reading
from outcomes.exchange.reading import FileError
from tests.outcomes.import_files import table_of

HEAD = "patient,date,edss\n"


def test_rows_bear_the_line_on_which_they_begin():
    table = table_of(HEAD + 'a,"two\nlines",2.0\nb,2020-01-01,3.0\n')

    assert table.columns == ("patient", "date", "edss")
    assert [(row.line, row.cells[0]) for row in table.rows] == [(2, "a"), (4, "b")]


@pytest.mark.parametrize("text", [
    b"\xef\xbb\xbfpatient,date\na,2020-01-01\n",
    b"patient,date\r\na,2020-01-01\r\n",
    b"patient,date\ra,2020-01-01\r",
    b"patient,date\na,2020-01-01",
    b"patient,date\na,2020-01-01\n\n\n",
    b'"patient","date"\n"a","2020-01-01"\n',
])  # fmt: skip
def test_the_same_table_written_otherwise(text):
    table = table_of(text)

    assert table.columns == ("patient", "date")
    assert [(row.line, row.cells) for row in table.rows] == [(2, ("a", "2020-01-01"))]


@pytest.mark.parametrize(("delimiter", "text"), [(";", "patient;date\na;2020\n"), ("tab", "patient\tdate\na\t2020\n")])
def test_another_delimiter_is_declared(delimiter, text):
    assert table_of(text, delimiter).rows[0].cells == ("a", "2020")


@pytest.mark.parametrize(("text", "line", "words"), [
    (b"", None, "empty"),
    (HEAD, None, "no rows"),
    (HEAD + 'a,"2020,1\nb,2020,2\n', 2, "never closed"),
    (HEAD + 'a,2020,1\nb,2020,"2', 3, "never closed"),
    (HEAD + 'a,"20"20,1\n', 2, "Text follows a closing quote"),
    (HEAD + "a,2020,1\nb,2020\n", 3, "2 cells, the header 3"),
    (HEAD + "a,2020,1,2\n", 2, "4 cells, the header 3"),
    (HEAD + "a,2020,1\n\nb,2020,1\n", 3, "empty"),
    ("patient,date,date\na,b,c\n", 1, "Columns 2 and 3 have the same name"),
    ("patient,date,Date\na,b,c\n", 1, "Columns 2 and 3 have the same name"),
    ("patient,,edss\na,b,c\n", 1, "Column 2 has no name"),
    ("patient, date,edss\na,b,c\n", 1, 'column 2, " date", has a space around it'),
    ("patient;date;edss\na;b;c\n", 1, 'delimiter = ";" in a mapping, or --separator ";"'),
    (HEAD.encode() + b"a,2020,1\nb,20\x0020,1\n", 3, "NUL"),
    (HEAD.encode() + b"a,2020,1\nb\xff,2020,1\n", 3, "not UTF-8"),
    (HEAD.encode("utf-16"), 1, "NUL"),
    (HEAD + "a,2020," + "1" * 10_001 + "\n", 2, "10,001 characters"),
    (HEAD + "a,2020," + "1" * 200_000 + "\n", 2, "more than 10,000 characters"),
    (",".join(f"c{n}" for n in range(101)) + "\n", 1, "101 columns"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_line(text, line, words):
    with pytest.raises(FileError) as refused:
        table_of(text)

    assert refused.value.line == line
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"Line {line}: " if line else "The file")


def test_the_limits_are_tried_before_parsing(monkeypatch):
    with pytest.raises(FileError, match="10,000,001 bytes"):
        table_of(b"x" * 10_000_001)
    monkeypatch.setattr(reading, "MAX_ROWS", 2)
    assert len(table_of(HEAD + "a,b,c\n" * 2).rows) == 2
    with pytest.raises(FileError, match="Line 4: The file has more than 2 rows"):
        table_of(HEAD + "a,b,c\n" * 3)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("bad", [b"\xe9", b"\x00"])
def test_a_byte_that_is_no_text_is_named_by_its_line_whatever_ends_the_lines(end, bad):
    with pytest.raises(FileError) as refused:
        table_of(end.join([b"patient,date", b"a,2020-01-01", bad + b",2020-01-01", b""]))

    assert refused.value.line == 3
