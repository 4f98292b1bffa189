"""The quick ways of writing CSV say what the slow ones say."""

import csv
import io
import random

from outcomes.exchange.reading import shown
from outcomes.exchange.writing import csv_lines, csv_writer, guarded, guarded_row

SEED = 20261125


def test_lines_are_written_as_by_the_csv_writer():
    draw = random.Random(SEED)
    parts = ["", "a", '"', ",", ";", "\n", "\r", " ", "é", "'", '""']
    rows = [
        ["".join(draw.choices(parts, k=draw.randint(0, 4))) for _ in range(draw.randint(1, 4))] for _ in range(2000)
    ]

    for delimiter in (",", ";", "\t"):
        written = io.StringIO(newline="")
        csv_writer(written, delimiter).writerows(rows)
        assert "".join(csv_lines(rows, delimiter)) == written.getvalue()
        assert list(csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=delimiter)) == rows


def test_a_row_is_guarded_as_each_of_its_cells():
    texts = ["", "a", "0", "=1", "-1", "-x", "é", " =1", "\u200b@", "＝1"]
    for cells in ([one, other] for one in texts for other in texts):
        assert guarded_row(list(cells)) == [guarded(cell) for cell in cells]


def test_a_value_is_shown_short_and_printable():
    assert shown("2.0") == '"2.0"'
    assert shown("a\u200b\n") == '"a··"'
    assert shown("x" * 50) == '"' + "x" * 39 + '…"'
