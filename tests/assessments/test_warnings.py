"""Each warning through the form: it stops the save, stands at its field, and is kept with its reason.

W10 is not here: the record holds no single findings (docs/engine.md, "Warnings"). `tests/engine` has it.
"""

from datetime import date

import pytest

from assessments.models import Assessment, Mode
from engine.edss import SYSTEMS
from tests.assessments.entries import entry, scored, url
from tests.factories import make_user, relapse

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)
OWN = {"rater_reason": "from the chart"}


def grades(*values) -> dict:
    return dict(zip(SYSTEMS, map(str, values), strict=True))


def unlimited(*values) -> dict:
    return grades(*values) | {"distance_m": None, "aid": None, "observed": None, "distance_unlimited": "on"}


# warning: (what is sent, what the visit before was made with or None, words of the sentence)
CASES = {
    "W1": ({"edss_rater": "3.5"}, None, ""),
    "W2": ({}, {"edss_rater": "3.0", **OWN}, "no system and no walking code went up"),
    "W3": ({}, {"cerebellar": 0, "edss_rater": "4.0", **OWN}, "although systems moved: cerebellar +2"),
    "W5": (grades(2, 0, 0, 0, 2, 0, 0) | {"distance_m": "110", "aid": "one_side"}, None, "what calls for the aid?"),
    "W6": ({"pyramidal": "6"}, None, "unlikely with pyramidal 6"),
    "W7": (grades(2, 0, 1, 1, 0, 0, 0), None, "what limits it?"),
    "W8": (unlimited(0, 0, 4, 0, 0, 0, 0), None, "no limit"),
    "W9": (grades(0, 0, 1, 1, 0, 0, 0) | {"distance_m": "250"}, None, "rests on walking alone"),
    "W11": ({"steroids_30_days": "on"}, None, "steroids in the last 30 days"),
    "W12": ({}, {"edss_rater": "2.5", **OWN}, "EDSS up by 1.5 since 2 Mar 2026"),
    "W13": (grades(0, 0, 4, 2, 1, 0, 0), None, "Sources differ"),
    "W14": ({}, {"mode": Mode.VIDEO}, "Another way of examining than on 2 Mar 2026"),
}


@pytest.mark.parametrize("warning", CASES)
def test_a_warning_stops_the_form_and_is_kept_with_its_reason(warning, client, patient, clinician):
    sent, before, words = CASES[warning]
    field = "rater_reason" if warning == "W1" else f"reason_{warning}"
    client.force_login(clinician)
    if before is not None:
        scored(patient, clinician, DAY, **before)

    refused = client.post(url("assessment_add", patient), entry(clinician, **sent))
    live = client.post(url("assessment_score", patient), entry(clinician, **sent))
    reasons = dict.fromkeys(refused.context["form"].errors, "seen twice")
    saved = client.post(url("assessment_add", patient), entry(clinician, **sent) | reasons)

    assert words in refused.context["form"].errors[field][0]
    assert warning == "W1" or f'name="{field}"' in live.content.decode()  # W1's field stands beside the own value
    assert saved.status_code == 302
    kept = {one["id"]: one["reason"] for one in Assessment.objects.latest("pk").confirmed_warnings}
    assert kept[warning] == "seen twice"


def test_w4_a_stored_code_that_the_changed_distance_contradicts(client, patient, clinician):
    stored = scored(patient, clinician, DAY)
    sent = entry(clinician, DAY.isoformat(), distance_m="250", ambulation="1", row_version="1", change="Typing error")
    client.force_login(clinician)

    response = client.post(url("assessment_edit", patient, stored.pk), sent)

    [sentence] = response.context["form"].errors["reason_W4"]
    assert sentence.startswith("250 m without aid, as measured, fits code ")


def test_w11_a_relapse_within_thirty_days(client, patient, clinician):
    relapse(patient, clinician, "2026-08-20")
    client.force_login(clinician)

    response = client.post(url("assessment_add", patient), entry(clinician))

    assert "12 days after the onset of a relapse" in response.context["form"].errors["reason_W11"][0]


def test_w14_another_rater(client, patient, centre, clinician):
    scored(patient, make_user("Second", centre=centre), DAY)
    client.force_login(clinician)

    response = client.post(url("assessment_add", patient), entry(clinician))

    assert "Another rater than on 2 Mar 2026" in response.context["form"].errors["reason_W14"][0]
