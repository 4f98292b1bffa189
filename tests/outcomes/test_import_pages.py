"""Import on the web: upload, preview, apply, report."""

import os
import time
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assessments.models import Assessment
from outcomes.exchange import uploads
from outcomes.models import ImportBatch, Status
from patients.models import Patient, Role
from tests.factories import make_user
from tests.outcomes.import_files import EXAMPLE, SAMPLE, imported, toml

pytestmark = pytest.mark.django_db
URL = reverse("outcomes:imports")
SMALL = b"patient,date,edss\na,2020-01-01,2.0\n"


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path / "uploads"


@pytest.fixture
def page(client, admin):
    client.force_login(admin)
    return client


def send(client, content=SMALL, mapping=None, name="file.csv"):
    files = {"file": SimpleUploadedFile(name, content), "mapping": SimpleUploadedFile("m.toml", mapping or toml())}
    return client.post(URL, files)


def test_from_upload_to_report(page, data_folder):
    answer = send(page, SAMPLE.read_bytes(), EXAMPLE.read_bytes(), "sample.csv")
    preview = page.get(answer.url).content.decode()

    assert "The file is clean." in preview
    assert "Apply the import" in preview
    assert f'href="{URL}">Leave it' in preview
    assert Assessment.objects.count() == 0

    report = page.post(answer.url, follow=True).content.decode()

    assert "Imported 798 assessments." in report
    assert "The mapping it was read with" in report
    assert Assessment.objects.count() == 798
    assert list(data_folder.iterdir()) == []
    assert "sample.csv" in page.get(URL).content.decode()


@pytest.mark.slow
def test_all_forty_people_have_a_page_with_a_chart_and_a_status(page, admin):
    imported(SAMPLE.read_bytes(), EXAMPLE.read_bytes(), admin)

    for patient in Patient.objects.all():
        text = page.get(reverse("outcomes:patient", args=[patient.code])).content.decode()
        assert "data-chart" in text
        assert any(status.label in text for status in Status)


def test_a_second_click_shows_the_import_that_the_first_made(page):
    where = send(page).url
    page.post(where)

    again = page.post(where)

    assert again.status_code == 200
    assert ImportBatch.objects.count() == 1


def test_the_same_file_again_says_that_nothing_changes(page):
    page.post(send(page).url)
    where = send(page).url

    assert "Everything in this file is stored already." in page.get(where).content.decode()
    assert "Everything in this file is stored already." in page.post(where, follow=True).content.decode()
    assert ImportBatch.objects.count() == 1


def test_listed_rows_are_shown_and_cannot_be_applied(page):
    where = send(page, b'patient,date,edss\n<b>a</b>,2020-01-01,"2,0"\n').url

    for answer in (page.get(where), page.post(where)):
        text = answer.content.decode()
        assert "1 row stops the file." in text
        assert "has a decimal comma. Write a point: 2.0." in text
        assert "Apply the import" not in text
    assert Assessment.objects.count() == 0


def test_many_listed_rows_are_cut(page):
    where = send(page, b"patient,date,edss\n" + b"a,x,2.0\n" * 300).url

    assert "And 100 more." in page.get(where).content.decode()


@pytest.mark.parametrize(("content", "mapping", "words"), [
    (b"", toml(), "The file is empty"),
    (b"patient,date\na,\xff\n", toml(), "Line 2: This is not UTF-8"),
    (SMALL, b"x", "not TOML"),
    (SMALL, toml(new_patients="x", edss_meaning="y"), "2 things stop the check"),
    (SMALL, toml(centre="Elsewhere"), "no centre &quot;Elsewhere&quot; in which this account may import"),
    (SMALL + b"x" * 10_000_000, toml(), "larger than 10 MB"),
    (SMALL + b"x" * 11_100_000, toml(), "larger than 10 MB"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_an_error_of_its_field(page, data_folder, content, mapping, words):
    answer = send(page, content, mapping)

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert list(data_folder.iterdir()) == []


def test_both_files_are_wanted(page):
    text = page.post(URL, {}).content.decode()

    assert "2 things stop the check" in text


def test_what_was_stored_meanwhile_is_seen_when_it_is_applied(page, admin):
    where = send(page).url
    imported("patient,date,edss\na,2020-01-01,3.0\n", toml(), admin)

    text = page.post(where).content.decode()

    assert "edss stored 3.0, in the file 2.0" in text


def test_a_role_lost_meanwhile_leads_back(page, admin, other_centre):
    where = send(page).url
    admin.memberships.update(centre=other_centre)

    answer = page.post(where, follow=True)

    assert "in which this account may import" in answer.content.decode()
    assert Assessment.objects.count() == 0


@pytest.mark.parametrize("who", ["clinician", "neurologist", "outsider"])
def test_the_pages_are_for_admins(client, request, who):
    client.force_login(request.getfixturevalue(who))

    assert client.get(URL).status_code == 403
    assert send(client).status_code == 403
    assert client.post(reverse("outcomes:import", args=[uuid4()])).status_code == 403


def test_another_admin_finds_neither_upload_nor_import(page, client, other_centre):
    waiting, done = send(page).url, send(page).url
    page.post(done)
    client.force_login(make_user("other", centre=other_centre, role=Role.ADMIN))

    for where in (waiting, done):
        assert client.get(where).status_code == 404
        assert client.post(where).status_code == 404
    assert "file.csv" not in client.get(URL).content.decode()


def test_a_role_as_clinician_elsewhere_shows_no_imports_of_there(page, admin, client, other_centre, centre):
    page.post(send(page).url)
    both = make_user("both", centre=other_centre, role=Role.ADMIN)
    both.memberships.create(centre=centre, role=Role.CLINICIAN)
    client.force_login(both)

    assert "file.csv" not in client.get(URL).content.decode()


def test_an_upload_is_its_owners_and_is_gone_after_an_hour(admin, clinician, data_folder):
    pk = uploads.keep(uploads.Upload("x.csv", b"content\n", b"mapping\n"), by=admin)
    [path] = data_folder.iterdir()

    assert path.stat().st_mode & 0o777 == 0o600
    assert uploads.find(pk, by=admin) == uploads.Upload("x.csv", b"content\n", b"mapping\n")
    assert uploads.find(pk, by=clinician) is None

    os.utime(path, (time.time() - 3601,) * 2)
    assert uploads.find(pk, by=admin) is None
    assert not path.exists()


def test_a_damaged_upload_is_no_upload(admin, data_folder):
    pk = uploads.keep(uploads.Upload("x.csv", b"content", b"mapping"), by=admin)
    [path] = data_folder.iterdir()

    for damage in (path.read_bytes()[:-1], b"", b"{}\n"):
        path.write_bytes(damage)
        assert uploads.find(pk, by=admin) is None


def test_one_user_keeps_five_uploads_at_most(admin, data_folder):
    kept = [uploads.keep(uploads.Upload("x.csv", bytes([n]), b""), by=admin) for n in range(8)]

    assert len(list(data_folder.iterdir())) == 5
    assert uploads.find(kept[-1], by=admin)


def test_the_list_asks_the_database_the_same_number_of_times(page, admin):
    def queries():
        with CaptureQueriesContext(connection) as found:
            page.get(URL)
        return len(found)

    imported(SMALL.decode(), toml(), admin)
    one = queries()
    for year in range(2010, 2020):
        imported(f"patient,date,edss\na,{year}-01-01,2.0\n", toml(), admin)

    assert queries() == one
