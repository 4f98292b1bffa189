"""Nothing in an exported file runs in a spreadsheet: payloads in every text, parsed back."""

import csv
import io
import unicodedata
from datetime import date
from pathlib import Path

import pytest

from edss_tracker.cli import main
from outcomes.exchange.cohort_columns import COHORT
from outcomes.exchange.columns import Column, cells, in_csv
from outcomes.exchange.writing import csv_writer, guarded, no_formula
from patients.models import Centre, Patient
from tests.factories import course, make_patient, make_user
from tests.outcomes.exports import decide, exported, rows_of
from treatments.models import Drug, Treatment
from treatments.services import record_treatments

CALLS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
]
BEFORE = {
    "nothing": "", "space": " ", "spaces": "   ", "tab": "\t", "cr": "\r", "lf": "\n", "crlf": "\r\n", "nbsp": "\u00a0",
    "narrow nbsp": "\u202f", "ideographic space": "\u3000", "byte order mark": "\ufeff", "zero width": "\u200b",
    "joiner": "\u200d", "word joiner": "\u2060", "soft hyphen": "\u00ad", "left to right": "\u200e",
    "override": "\u202e", "quote": '"', "full-width apostrophe": "\uff07", "curly quote": "\u201c",
    "full-width quote": "\uff02", "line separator": "\u2028",
    "next line": "\u0085", "vertical tab": "\x0b", "form feed": "\x0c", "escape": "\x1b",
    "hangul filler": "\u3164", "braille blank": "\u2800", "combining": "\u0301", "variation": "\ufe0f",
    "tag": "\U000e0020", "bell": "\x07", "delete": "\x7f", "mixed": " \u200b\t\"\ufeff",
}  # fmt: skip
WIDE = ["\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(1)", "\ufe661", "\ufe621", "\ufe631", "\ufe6bA1", "\u207a1",
        "\u207c1", "\u22121+1", "\u200b\uff1d1", "\u00a0\uff20A", "-1", "+1", "-1.5", "-1e5"]  # fmt: skip
CONTROL = ["\x00=1", "\x01", "\tA", "\rA", "\nA", "\x1bA", "\x85A"]
PAYLOADS = [*(before + call for before in BEFORE.values() for call in CALLS[:2]), *CALLS, *WIDE, *CONTROL]
PLAIN = [
    "",
    "Centre Nord",
    "É",
    "ΔEDSS",
    "1-1",
    "a=1",
    "a\t=1",
    "(=1)",
    "'tis",
    "*",
    "#",
    "日本",
    "🙂",
    " 2",
    "12",
    "½",
]


def live(cell: str) -> bool:
    """Whether a spreadsheet might run it. Written apart from the writer; an apostrophe in front makes it a text."""
    text = "" if cell.startswith("'") else unicodedata.normalize("NFKC", cell)
    while text and (text[0] in "\"'\u201c\u1160\u2800" or unicodedata.category(text[0])[0] in "ZCM"):
        if unicodedata.category(text[0]) == "Cc":
            return True
        text = text[1:]
    return text[:1] in tuple("=+-@\u2212")


def test_there_are_enough_payloads_and_each_is_live():
    assert len(set(PAYLOADS)) >= 60
    assert [text for text in PAYLOADS if not live(text)] == []


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_payload_becomes_a_text(text):
    assert no_formula(text) == "'" + text


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay_as_they_are(text):
    assert no_formula(text) == guarded(text) == text


@pytest.mark.parametrize("text", ["-1", "+1", "-1.5", "-1,5", "+2e-3", "0"])
def test_plain_numbers_of_a_table_without_types_stay_numbers(text):
    assert guarded(text) == text


@pytest.mark.parametrize(
    "column", [column for column in COHORT if column.type in ("text", "code", "list")], ids=lambda c: c.name
)
def test_every_text_column_guards_its_cells(column):
    """Through the writer of that very column, whatever the registry may hold one day."""
    payloads = [text for text in PAYLOADS if "\x00" not in text]
    given = [[text] if column.type == "list" else text for text in payloads]
    of = cells([Column(column.name, column.says, column.type, lambda row: row)], in_csv, "")
    file = io.StringIO(newline="")
    csv_writer(file).writerows(map(of, given))
    read = list(csv.reader(io.StringIO(file.getvalue(), newline=""), strict=True))

    assert [cell for (cell,) in read] == ["'" + text for text in payloads]
    assert not any(live(cell) for (cell,) in read)


@pytest.mark.parametrize(("type", "value", "cell"), [
    ("integer", -5, "-5"), ("decimal", -1.5, "-1.5"), ("date", date(2020, 1, 2), "2020-01-02"),
    ("boolean", False, "false"), ("integer", 0, "0"), ("decimal", 0.0, "0.0"),
])  # fmt: skip
def test_typed_cells_are_never_prefixed(type, value, cell):
    assert in_csv(type)(value) == cell


@pytest.mark.django_db
def test_payloads_in_every_text_of_the_registry_come_out_dead():
    """Through the models: names of centres, of drugs, codes as an import might leave them. Numbers stay as they are."""
    by = make_user("all", is_registry_admin=True)
    texts = [text for text in dict.fromkeys(PAYLOADS) if "\x00" not in text]
    for number, text in enumerate(texts):
        centre = Centre.objects.create(name=f"{text}{number}")
        doctor = make_user(f"doc{number}", centre=centre)
        patient = make_patient(centre, doctor, family_name=text[:80], local_number=f"{text}{number}"[:40])
        decide(patient, doctor)
        course(patient, doctor, "2020-03-02", note=text)
        drug = Treatment(patient=patient, drug=Drug.OTHER, drug_name=f"{text}x", start=date(2010, 1, 1), note=text)
        record_treatments([drug], by=doctor)
        Patient.objects.filter(pk=patient.pk).update(code=f"{text[:12]}{number}")

    content = exported(by)
    rows = rows_of(content)

    assert len(rows) == len(texts)
    for row, text, number in zip(rows, texts, range(len(texts)), strict=True):
        assert row["centre"] == f"'{text}{number}"
        assert row["patient"] == f"'{text[:12]}{number}"
        assert (row["courses"], row["prior_drugs"], row["prior_drug_list"]) == ("1", "1", "other")
        assert not any(live(cell) for cell in row.values())


def test_the_outputs_of_score_and_events_keep_their_guard(tmp_path: Path, capsys):
    grades = tmp_path / "grades.csv"
    texts = [text for text in PAYLOADS if not set(text) & set("\x00")]
    with grades.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(
            [
                "patient",
                "visual",
                "brainstem",
                "pyramidal",
                "cerebellar",
                "sensory",
                "bowel_bladder",
                "cerebral",
                "ambulation",
            ]
        )
        writer.writerows([text, *"11111110"] for text in texts)
    output = tmp_path / "scored.csv"

    assert main(["score", str(grades), "--output", str(output)]) == 0, capsys.readouterr().err
    read = rows_of(output.read_bytes())
    assert len(read) == len(texts)
    for row, text in zip(read, texts, strict=True):
        assert row["patient"] in (text, "'" + text)
        assert not live(row["patient"]) or row["patient"] in ("-1", "+1", "-1.5", "-1e5")
