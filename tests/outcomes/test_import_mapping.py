"""The mapping file: what it leaves open or spells wrongly is named, not guessed."""

import tomllib

import pytest

from outcomes.exchange.mapping import CHOICES, TEXTS, MappingError, read_mapping
from outcomes.exchange.tables import COLUMNS
from tests.outcomes.import_files import EXAMPLE, ROOT, SAMPLE, example, table_of, toml

EVERY = "patient date edss visual bowel_bladder cerebral ambulation days_since_relapse"
DECLARED = {
    "visual_grades": "raw", "bowel_bladder_grades": "raw", "cerebral_grade1": "ignore", "ambulation_scheme": "legacy",
    "legacy_code1": "2.0", "relapses_from_days": "make", "days_sign": "positive",
}  # fmt: skip


def test_the_example_of_the_documents_is_the_one_on_the_page_and_fits_the_sample():
    mapping = read_mapping(EXAMPLE.read_bytes())

    assert (ROOT / "templates/outcomes/import_mapping.toml").read_bytes() == EXAMPLE.read_bytes()
    assert set(mapping.columns.values()) == set(table_of(SAMPLE.read_bytes()).columns)


def test_the_documents_explain_every_column_and_every_key():
    text = (ROOT / "docs/import.md").read_text()
    keys = tomllib.loads(EXAMPLE.read_text()).keys() - {"columns"} | {*CHOICES, *TEXTS}

    assert [key for key in keys if f"`{key}`" not in text] == []
    assert [column.key for column in COLUMNS if f"`{column.key}`" not in text] == []


def test_policies_are_those_declared():
    mapping = read_mapping(toml(EVERY, **DECLARED))

    assert mapping.policies["legacy_code1"] == "2.0"
    assert mapping.policies["cerebral_grade1"] == "ignore"


@pytest.mark.parametrize("key", [
    "centre", "new_patients", "confirm_because", "rows_without_edss", "edss_meaning", "rater_reason",
    *(key for key in DECLARED if key != "ambulation_scheme"),
])  # fmt: skip
def test_what_the_columns_need_must_be_declared(key):
    with pytest.raises(MappingError) as refused:
        read_mapping(toml(EVERY, **DECLARED | {key: None}))

    assert any(fault.startswith(f"{key} is not declared") for fault in refused.value.faults)


@pytest.mark.parametrize(("content", "words"), [
    (b"\xff", "not UTF-8"),
    (b"centre = ", "not TOML"),
    (b"a = " + b"[" * 3000, "not TOML"),
    (b"x" * 100_001, "100,001 bytes"),
    (toml(center="Nord"), '"center" is not a key'),
    (toml(centre=""), "centre must be a text"),
    (toml(confirm_because="x" * 201), "confirm_because must be a text"),
    (toml(new_patients="perhaps"), 'new_patients is "perhaps"; it must be "create" or "refuse"'),
    (toml().replace(b'"create"', b"1"), 'new_patients is "1"'),
    (toml("patient date edss pyramid"), 'columns: "pyramid" is not known'),
    (toml("patient edss"), "columns.date is not declared"),
    (toml("patient date note"), "neither an EDSS nor a grade"),
    (toml().replace(b'date = "date"', b'date = "edss"'), '"edss" stands for both date and edss'),
    (toml().replace(b'date = "date"', b"date = 3"), "date must be the name of a column"),
    (b"columns = 3\nwords = 3\nignore_columns = 3", "columns must be a table"),
    (b"ignore_columns = 3", "ignore_columns must be a list"),
    (toml("patient date edss sex", words='[words.sex]\nF = "feminine"'), '"feminine" is not one of female'),
    (toml(words='[words.sex]\nF = "female"'), "words.sex translates a column that [columns] does not name"),
    (toml(words='[words.edss]\nzero = "0.0"'), '"edss" has no words'),
    (toml("patient date edss sex", words='[words.sex]\n"F\\u0000" = "female"'), "characters that cannot be shown"),
    (toml(relapses_from_days="make"), "[columns] names no days_since_relapse"),
])  # fmt: skip
def test_a_fault_is_named(content, words):
    with pytest.raises(MappingError) as refused:
        read_mapping(content)

    assert words in str(refused.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(MappingError) as refused:
        read_mapping(example(new_patients="x", rows_without_edss="y", days_sign="z"))

    assert len(refused.value.faults) == 3


@pytest.mark.parametrize("text", ["delimiter = 0x", '[columns]\nsex = "s"\n[words.sex]\nF = 0x'])
def test_a_number_too_long_to_write_is_a_sentence(text):
    with pytest.raises(MappingError, match="no text"):
        read_mapping((text + "f" * 5000).encode())
