"""The words and drawings that templates use."""

from datetime import date

import pytest
from django import forms
from django.template.loader import render_to_string

from patients.templatetags import drawings, house


@pytest.mark.parametrize(("value", "words"), [(4, "4.0"), (None, "–"), ("2.5", "2.5"), (0, "0.0")])
def test_an_edss_has_one_decimal(value, words):
    assert house.edss(value) == words


@pytest.mark.parametrize(("value", "words"), [(-1, "−1.0"), (1.5, "+1.5"), (0, "0.0"), (None, "")])
def test_a_difference_has_its_sign(value, words):
    assert house.signed(value) == words


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2023-09-19", "2023-09-19", "19 Sep 2023"),
        ("2019-03-01", "2019-03-31", "Mar 2019, day not known"),
        (date(2019, 1, 1), date(2019, 12, 31), "2019, day not known"),
        ("2019-03-03", "2019-04-09", "3 Mar 2019 to 9 Apr 2019"),
    ],
)
def test_an_interval_says_what_is_known(first, last, words):
    assert house.days(first, last) == words


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.0", "curl/8.0"),
    ],
)
def test_a_browser_is_named_as_its_user_would(agent, words):
    assert house.browser(agent) == words


def test_a_page_below_a_section_marks_the_section():
    assert house.current("outcomes:patients", "outcomes:patients") == "page"
    assert house.current("outcomes:patients", "assessments:assessment_add") == "true"
    assert house.current("patients:users", "patients:patient_add") == ""
    assert house.current("help", None) == ""


def test_a_spark_tints_the_area_below_the_baseline_and_marks_the_end():
    shape = drawings.spark_shape(
        ["2020-01-01", "2021-01-01", "2022-01-01"], [4, 3, 4], ("2020-01-01", 4), ["2020-01-05"], "improved"
    )

    assert [area["kind"] for area in shape["areas"]] == ["below"]
    assert shape["end"]["path"].startswith("M141.5")
    assert shape["words"] == "EDSS from 4.0 to 4.0, baseline 4.0"


def test_a_spark_of_no_visit_draws_nothing():
    assert render_to_string("components/spark.html", {"days": [], "scores": []}).strip() == ""


def test_shares_fill_the_bar():
    bar = drawings.shares([("improved", 1), ("stable", 3)])

    assert [part["x"] for part in bar["bars"]] == ["0.00", "25.00"]
    assert bar["words"] == "Of 4: 1 improved, 3 stable"


def test_columns_of_numbers_align_right():
    cells = drawings.table_cells({"head": ["Date", "EDSS"], "rows": [[date(2020, 1, 1), "4.0"], ["later", None]]})

    assert cells["head"] == [("Date", False), ("EDSS", True)]
    assert cells["rows"][0] == [("1 Jan 2020", False), ("4.0", True)]


class VisitForm(forms.Form):
    day = forms.DateField(label="Date of the visit", help_text="As 2019-03-05")
    reason = forms.ChoiceField(choices=[("a", "Routine")], widget=forms.RadioSelect)


def test_the_error_summary_counts_and_leads_to_the_fields():
    html = render_to_string("components/errors.html", {"form": VisitForm({"day": "2026-99-01"})})

    assert "2 things stop the save" in html
    assert 'href="#id_day"' in html
    assert 'href="#id_reason_0"' in html


def test_a_form_without_error_has_no_summary():
    assert render_to_string("components/errors.html", {"form": VisitForm()}).strip() == ""


def test_a_field_ties_label_help_and_error_to_its_control():
    html = VisitForm({"day": "x"})["day"].as_field_group()

    assert '<label class="form-label" for="id_day">' in html
    assert 'aria-describedby="id_day_helptext id_day_error"' in html
    assert 'id="id_day_helptext"' in html
    assert 'id="id_day_error"' in html


def test_the_page_for_a_failure_needs_neither_context_nor_database():
    assert "Something failed here" in render_to_string("500.html")
    assert "This request cannot be read" in render_to_string("400.html")
