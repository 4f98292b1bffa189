"""The upload of a file and of the mapping that says what it means."""

from django import forms
from django.conf import settings

from outcomes.exchange import reading
from outcomes.exchange.checking import centre_of
from outcomes.exchange.mapping import MAX_BYTES, MappingError, read_mapping
from outcomes.exchange.reading import FileError, read_table
from outcomes.exchange.rows import check_columns, check_scheme
from outcomes.exchange.uploads import Upload

TOO_LARGE = f"The file is larger than {reading.MAX_BYTES // 1_000_000} MB. Split it."


class ImportForm(forms.Form):
    """Both files, read as far as that needs no look into the registry. `upload` is set once they are in order."""

    file = forms.FileField(
        label="File", help_text="CSV in UTF-8, up to 10 MB and 20,000 rows", allow_empty_file=True, max_length=None
    )
    mapping = forms.FileField(
        label="Mapping", help_text="TOML: what its columns and values mean. An example is below.", allow_empty_file=True
    )

    upload: Upload | None = None

    def __init__(self, *args, user, sent_bytes: int = 0, **options):
        super().__init__(*args, **options)
        self.user = user
        self.too_large = sent_bytes > settings.FILE_UPLOAD_MAX_MEMORY_SIZE  # such files never arrive
        self.fields["file"].widget.attrs["accept"] = ".csv,text/csv"
        self.fields["mapping"].widget.attrs["accept"] = ".toml"
        if self.too_large:
            for field in ("file", "mapping"):
                self.fields[field].required = False

    def clean(self):
        if self.too_large:
            raise forms.ValidationError({"file": TOO_LARGE})
        file, mapping = self.cleaned_data.get("file"), self.cleaned_data.get("mapping")
        if not file or not mapping:
            return
        if file.size > reading.MAX_BYTES:
            raise forms.ValidationError({"file": TOO_LARGE})
        try:
            self.read(Upload(file.name[:120], file.read(), mapping.read(MAX_BYTES + 1)))
        except MappingError as error:
            self.add_error("mapping", list(error.faults))
        except FileError as error:
            self.add_error("file", str(error))

    def read(self, upload: Upload) -> None:
        meaning = read_mapping(upload.mapping)
        centre_of(meaning, self.user)
        table = read_table(upload.content, name=upload.file_name, delimiter=meaning.delimiter)
        check_columns(table, meaning)
        check_scheme(table, meaning)
        self.upload = upload
