"""Valid import files and mappings, damaged by a seeded hand: every case can be made again from its number."""

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.outcomes.import_files import EXAMPLE, SAMPLE, toml
from tests.outcomes.test_formulas import PAYLOADS

COLUMNS = "patient date edss visual brainstem pyramidal cerebellar sensory bowel_bladder cerebral ambulation note rater"
MAPPING = {"ambulation_scheme": "legacy", "legacy_code1": "4.0", "visual_grades": "raw", "bowel_bladder_grades": "raw",
           "cerebral_grade1": "count", "complete_grades_without_edss": "calculate"}  # fmt: skip
DIGITS = ["٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "⁰¹²³⁴⁵⁶⁷⁸⁹"]
LARGEST = 11_500_000  # bytes; over what is taken, and no more: the client that sends it is part of the same process
CODECS = ["latin-1", "utf-16", "utf-16-le", "utf-32", "cp037", "cp1252", "utf-7", "shift_jis"]
ODD = ["", " ", "\u00a0", "1_0", "1e1", "2,0", "2.50", "-0", "+1", "NaN", "inf", "0x10", "1" * 400, "2020-02-30",
       "0001-01-01", "9999-12-31", "2020-W01-1", "20200101", "2020-1-1", "01/02/2020", "1582-10-10", "2199-12-31",
       "2200-01-01", "10.5", "0.5", "٢", "½", "Ⅳ", "²", "2X", "2P", "7", "-1", "\ud7ff", "\ufdd0",
       "\U0010ffff", "\u202e2.0", "\ufeff2.0",       "a\nb", 'a"b', "'", "null", "None", "true", "1;2",
       "1\t2", "\x1b[31m", "\x7f", "<script>",
       "{{7*7}}", "%s%n", "../x"]  # fmt: skip


@dataclass
class Case:
    """One upload: what the browser would send."""

    content: bytes
    mapping: bytes
    name: str
    done: list[str]  # the mutations, for the report of a failure


def valid(draw: random.Random) -> Case:
    if draw.random() < 0.01:
        return Case(SAMPLE.read_bytes(), EXAMPLE.read_bytes(), "sample.csv", ["sample"])
    names = COLUMNS.split()
    names = [*names[:3], *draw.sample(names[3:], draw.randint(0, len(names) - 3))] if draw.random() < 0.7 else names[:3]
    rows = [[cell_of(draw, name) for name in names] for _ in range(draw.randint(1, 12))]
    needed = {
        key: value
        for key, value in MAPPING.items()
        if key.partition("_")[0] in " ".join(names) or key[:8] == "complete"
    }
    return Case(written([names, *rows]), toml(" ".join(names), **needed), "file.csv", [])


def cell_of(draw: random.Random, name: str) -> str:
    known = {"patient": f"P{draw.randint(1, 6)}", "edss": draw.choice(["0", "2.0", "3.5", "6", ""]), "ambulation": "0",
             "date": f"20{draw.randint(10, 25)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
             "note": draw.choice(["", "seen", "ä, b"]), "rater": draw.choice(["", "AB"])}  # fmt: skip
    return known[name] if name in known else str(draw.randint(0, 3))


def written(rows: list[list[str]], **options) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n", **options).writerows(rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


def parsed(content: bytes) -> list[list[str]]:
    text = content.decode("utf-8", "replace")
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error:  # damaged already
        return [line.split(",") for line in text.split("\n")]


# Each takes the bytes of a file and gives others


def flip_bytes(content: bytes, draw: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        if found:
            found[draw.randrange(len(found))] = draw.randrange(256)
    return bytes(found)


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randint(0, len(content))]


def insert(content: bytes, draw: random.Random) -> bytes:
    at, some = draw.randint(0, len(content)), draw.choice([b"\x00", b'"', b"\r", b"\n", b"\r\n", b",", b"\xed\xa0\x80",
        b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1a",
        draw.randbytes(draw.randint(1, 40))])  # fmt: skip
    return content[:at] + some * draw.choice([1, 1, 1, 2, 500]) + content[at:]


def repeat(content: bytes, draw: random.Random) -> bytes:
    first, last = sorted((draw.randint(0, len(content)), draw.randint(0, len(content))))
    return content[:last] + content[first:last] * draw.randint(1, 4) + content[last:]


def shuffle_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    draw.shuffle(lines)
    return b"\n".join(lines)


def marks(content: bytes, draw: random.Random) -> bytes:
    return draw.choice([b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff"]) + content


def other_encoding(content: bytes, draw: random.Random) -> bytes:
    return content.decode("utf-8", "replace").encode(draw.choice(CODECS), "replace")


def other_line_ends(content: bytes, draw: random.Random) -> bytes:
    return content.replace(
        b"\n", draw.choice([b"\r", b"\r\n", b"\n\n", b"\n\r", "\u2028".encode(), "\x85".encode(), b"\x0b"])
    )


def other_delimiter(content: bytes, draw: random.Random) -> bytes:
    return content.replace(b",", draw.choice([b";", b"\t", b"|", b" ", b",,", "，".encode()]))


def open_quote(content: bytes, draw: random.Random) -> bytes:
    places = [at for at, byte in enumerate(content) if byte in b",\n"] or [0]
    at = draw.choice(places) + 1
    return content[:at] + b'"' + content[at:]


def digits_of_another_script(content: bytes, draw: random.Random) -> bytes:
    script = draw.choice(DIGITS)
    return "".join(script[int(c)] if c in "0123456789" else c for c in content.decode("utf-8", "replace")).encode()


def odd_cells(content: bytes, draw: random.Random) -> bytes:
    rows = parsed(content)
    for _ in range(draw.randint(1, 5)):
        row = draw.choice(rows) if rows else []
        if row:
            row[draw.randrange(len(row))] = draw.choice([*ODD, *PAYLOADS, chr(draw.randrange(0xD800)) * 3])
    return written(rows)


def ragged(content: bytes, draw: random.Random) -> bytes:
    rows = parsed(content)
    for row in draw.sample(rows, min(2, len(rows))):
        row[:] = row[:-1] if draw.random() < 0.5 else [*row, "x"]
    return written(rows)


def header(content: bytes, draw: random.Random) -> bytes:
    first, *rest = parsed(content) or [[]]
    if first:
        first[draw.randrange(len(first))] = draw.choice(
            [*first, first[0].upper(), "", " ", "x" * 200, "=1+1", "\u200bdate", "date "]
        )
    return written([first, *rest])


def huge_cell(content: bytes, draw: random.Random) -> bytes:
    rows = parsed(content)
    if rows and rows[-1]:
        size = draw.choice([10_000, 10_001, 131_072, 131_073, 1_000_000])
        rows[-1][-1] = draw.choice(["x", "é", '"', "\n", "1", "\u0301", "ﷺ"]) * size
    return written(rows)


def many_columns(content: bytes, draw: random.Random) -> bytes:
    number = draw.choice([101, 1000, 100_000])
    return ",".join(f"c{n}" for n in range(number)).encode() + b"\n" + b"," * (number - 1) + b"\n" + content


def many_rows(content: bytes, draw: random.Random) -> bytes:
    head, _, rest = content.partition(b"\n")
    return head + b"\n" + rest * (draw.choice([500, 21_000]) // max(1, rest.count(b"\n")) + 1)


def large(content: bytes, draw: random.Random) -> bytes:
    more = draw.choice([b"\n", b" ", b",", b'"', b"x", b"a,2020-01-01,2\n"])
    return (content + more * draw.choice([200_000, 700_000, 9_000_000]))[:LARGEST]


def nothing_left(content: bytes, draw: random.Random) -> bytes:
    return draw.choice([b"", b"\n", b"\r\n" * 3, b",", b'""', b"\xef\xbb\xbf", b"patient,date,edss",
                        b"PK\x03\x04" + content,                         b"%PDF-1.7\n", b"<html>", b"{}",
                        draw.randbytes(300)])  # fmt: skip


CHEAP: list[Callable[[bytes, random.Random], bytes]] = [
    flip_bytes, cut, insert, repeat, shuffle_lines, marks, other_encoding, other_line_ends, other_delimiter, open_quote,
    digits_of_another_script, odd_cells, odd_cells, odd_cells, ragged, header, nothing_left,
]  # fmt: skip
DEAR: list[Callable[[bytes, random.Random], bytes]] = [huge_cell, many_columns, many_rows, large]
NAMES = [
    "file.csv",
    "",
    "a" * 300 + ".csv",
    "../../etc/passwd",
    "=1+1.csv",
    "x\u202evsc.exe",
    "nul\x01.csv",
    "C:\\a.csv",
    "é.csv",
    "%00",
]
MAPPINGS = [
    b"", b"\x00", b"[" * 3000, b"a = " + b"[" * 3000, b"a = " + b"{b=" * 800, b"centre = 1", b'centre = ["a"]',
    b"[columns]\n",    b'[columns]\npatient = ""\n', b"x" * 300_000, b"a." * 2000 + b"b = 1",
    b"centre = " + b"9" * 5000,
    b"centre = 1979-05-27T07:32:00Z", b"centre = inf", b'"" = 1', b"\xff\xfe", b'centre = "\\uD800"',
    b"[columns]\n" * 2,
]  # fmt: skip


def case_of(number: int) -> Case:
    """The case of this number: a valid file, then one to three mutations of it, of the mapping, or of the name."""
    draw = random.Random(number)
    case = valid(draw)
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3])):
        mutate = draw.choice(DEAR) if draw.random() < 0.02 else draw.choice(CHEAP)
        case.content = mutate(case.content, draw)
        case.done.append(mutate.__name__)
    if draw.random() < 0.15:
        case.mapping = draw.choice(
            [*MAPPINGS, *(m(case.mapping, draw) for m in (flip_bytes, cut, insert, repeat, shuffle_lines))]
        )
        case.done.append("mapping")
    if draw.random() < 0.1:
        case.name = draw.choice(NAMES)
        case.done.append("name")
    return case
