"""Import of assessments: upload and list, then preview, apply and report under one address."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render

from outcomes.exchange import importing, uploads
from outcomes.exchange.checking import check, import_centres
from outcomes.exchange.mapping import read_mapping
from outcomes.exchange.reading import FileError, Table, read_table
from outcomes.exchange.report import Report, count_lines, warning_lines
from outcomes.exchange.uploads import Upload
from outcomes.import_forms import ImportForm
from outcomes.models import ImportBatch

LISTED_SHOWN = 200
STORED_ALREADY = "Everything in this file is stored already. Nothing was changed."


def batches_of(user):
    """The imports of the centres in which this user may import."""
    return ImportBatch.objects.filter(centre__in=import_centres(user)).select_related("centre", "by")


def imports(request):
    """Past imports and the form for a new one; a POST keeps the two files for an hour and goes on to their preview."""
    uploads.purge()
    sent = request.method == "POST"
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    form = ImportForm(*((request.POST, request.FILES) if sent else ()), user=request.user, sent_bytes=length)
    if sent and form.is_valid() and form.upload:
        return redirect("outcomes:import", uploads.keep(form.upload, by=request.user))
    page = Paginator(batches_of(request.user), 25).get_page(request.GET.get("page"))
    lines = [(batch, batch.counts.get("new", 0), batch.counts.get("patients_new", 0)) for batch in page]
    return render(request, "outcomes/imports.html", {"form": form, "page": page, "lines": lines})


def batch(request, pk):
    """The report of an import; before that, under the same id, the preview of an upload and the place to apply it."""
    done = batches_of(request.user).filter(pk=pk).first()
    if done:
        return report_page(request, done)
    upload = uploads.find(pk, by=request.user)
    if upload is None:
        raise Http404
    try:
        if request.method == "POST":
            return apply(request, pk, upload)
        return preview_page(request, pk, check(*read(upload), by=request.user))
    except FileError as error:
        messages.error(request, str(error))
        return redirect("outcomes:imports")


def read(upload: Upload) -> tuple[Table, importing.Mapping]:
    mapping = read_mapping(upload.mapping)
    return read_table(upload.content, name=upload.file_name, delimiter=mapping.delimiter), mapping


def apply(request, pk, upload: Upload):
    """Check again and write. A second click finds the import done, and shows it."""
    report, made = importing.run(*read(upload), by=request.user, batch_id=pk)
    if not report.clean:
        return preview_page(request, pk, report)
    uploads.drop(pk, by=request.user)
    if made:
        messages.success(request, f"Imported {len(report.assessments)} assessments.")
    elif not batches_of(request.user).filter(pk=pk).exists():
        messages.info(request, STORED_ALREADY)
        return redirect("outcomes:imports")
    return redirect("outcomes:import", pk)


def preview_page(request, pk, report: Report):
    counts = report.counts()
    context = {
        "pk": pk,
        "report": report,
        "counts": count_lines(counts),
        "warnings": warning_lines(counts),
        "listed": report.listed[:LISTED_SHOWN],
        "listed_rows": counts["listed"],
        "more": max(0, len(report.listed) - LISTED_SHOWN),
        "stored_already": STORED_ALREADY,
    }
    return render(request, "outcomes/import_preview.html", context)


def report_page(request, done: ImportBatch):
    mapping = [(key, value) for key, value in done.mapping.items() if isinstance(value, str) and value]
    context = {
        "batch": done,
        "counts": count_lines(done.counts),
        "warnings": warning_lines(done.counts),
        "columns": done.mapping.get("columns", {}).items(),
        "mapping": mapping,
    }
    return render(request, "outcomes/import.html", context)
