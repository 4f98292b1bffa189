"""Adding centres and changing their settings, through the pages."""

import uuid

import pytest
from django.urls import reverse

from patients.models import Centre

ADD = reverse("patients:centre_add")


def sent(**fields):
    return {"submission": str(uuid.uuid4()), "name": "Centre Est", "time_zone": "Europe/Paris", **fields}


def edit(centre):
    return reverse("patients:centre_edit", args=[centre.pk])


def test_a_registry_admin_adds_a_centre_once(client, registry_admin):
    client.force_login(registry_admin)
    typed = sent()

    for _ in range(2):
        assert client.post(ADD, typed)["Location"] == reverse("patients:centres")

    added = Centre.objects.get()
    assert (added.name, added.time_zone, added.synthetic) == ("Centre Est", "Europe/Paris", False)
    assert added.history.get().history_user == registry_admin


def test_only_a_registry_admin_adds_a_centre(client, admin):
    client.force_login(admin)

    assert client.get(ADD).status_code == 403
    assert client.post(ADD, sent()).status_code == 403


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Centre Nord"}, "name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
    ],
)
def test_a_wrong_setting_is_an_error_of_its_field(client, registry_admin, centre, other_centre, typed, field):
    client.force_login(registry_admin)

    for url in (ADD, edit(other_centre)):
        response = client.post(url, sent(row_version=1, **typed))
        assert response.status_code == 200
        assert list(response.context["form"].errors) == [field]


def test_an_admin_changes_the_settings_of_their_centre(client, admin, centre):
    client.force_login(admin)

    response = client.post(edit(centre), sent(row_version=1, synthetic="on"))

    centre.refresh_from_db()
    assert response.status_code == 302
    assert (centre.name, centre.time_zone, centre.row_version) == ("Centre Est", "Europe/Paris", 2)
    assert not centre.synthetic  # is said once, when the centre is added
    assert centre.history.first().history_user == admin


def test_a_second_editor_sees_both_versions(client, admin, centre):
    client.force_login(admin)
    client.post(edit(centre), sent(row_version=1))

    response = client.post(edit(centre), sent(name="Centre Ouest", row_version=1))

    assert response.status_code == 409
    assert "Centre Est" in response.content.decode()
    assert "Centre Ouest" in response.content.decode()
    centre.refresh_from_db()
    assert centre.name == "Centre Est"


def test_another_centre_is_not_there(client, admin, other_centre):
    client.force_login(admin)

    assert client.get(edit(other_centre)).status_code == 404
    assert client.post(edit(other_centre), sent(row_version=1)).status_code == 404
    assert "Centre Sud" not in client.get(reverse("patients:centres")).content.decode()


def test_a_clinician_changes_no_centre(client, clinician, centre):
    client.force_login(clinician)

    assert client.get(edit(centre)).status_code == 403


def test_the_list_counts_people_and_patients(client, registry_admin, clinician, admin, patient, other_centre):
    client.force_login(registry_admin)

    rows = client.get(reverse("patients:centres")).context["rows"]

    assert [(row.name, row.people, row.registered) for row in rows] == [("Centre Nord", 2, 1), ("Centre Sud", 0, 0)]
