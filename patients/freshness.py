"""Which tables feed which derived data, and the triggers that count their changes.

Triggers, not signals: they also see bulk writes, `update()` and SQL by hand. SQLite drops the triggers of a table it
rebuilds, so they are dropped before every migration and made anew after it, from the one list below.
"""

from collections.abc import Sequence

from django.db import connections

FRESHNESS = "patients_freshness"
KINDS = ("trajectory",)
# table: (kinds it feeds, column that names the patient, the columns that matter or () for all)
INPUTS = {
    "patients_patient": (("trajectory",), "id", ("death", "death_precision", "death_cause")),
    "assessments_assessment": (("trajectory",), "patient_id", ()),
    "assessments_relapse": (("trajectory",), "patient_id", ()),
    "treatments_course": (("trajectory",), "patient_id", ()),
    "treatments_infusion": (("trajectory",), "patient_id", ()),
    "treatments_treatment": (("trajectory",), "patient_id", ()),
}
ERASURES = "patients_erasure"
APPEND_ONLY = (
    ERASURES,
    "patients_accessevent",
    "patients_historicaluser",
    "patients_historicalcentre",
    "patients_historicalmembership",
    "patients_historicalpatient",
    "patients_historicalphenotype",
    "patients_historicalconsent",
    "assessments_historicalassessment",
    "assessments_historicalrelapse",
    "treatments_historicaltreatment",
    "treatments_historicalcourse",
    "treatments_historicalinfusion",
)
PREFIX = "edss_"
# of histories: (column that names the patient, the columns in which somebody may have typed who it is)
WHY = "history_change_reason"
ERASABLE = {
    "patients_historicalpatient": ("id", (WHY,)),
    "patients_historicalphenotype": ("patient_id", (WHY, "void_reason")),
    "patients_historicalconsent": ("patient_id", (WHY,)),
    "assessments_historicalassessment": (
        "patient_id",
        (WHY, "void_reason", "note", "rater_reason", "incomplete_reason", "confirmed_warnings"),
    ),
    "assessments_historicalrelapse": ("patient_id", (WHY, "void_reason", "note")),
    "treatments_historicaltreatment": ("patient_id", (WHY, "void_reason", "note")),
    "treatments_historicalcourse": ("patient_id", (WHY, "void_reason", "note")),
    "treatments_historicalinfusion": ("patient_id", (WHY, "void_reason")),
}
ERASED = "[erased]"  # stands where a text was
NO_TEXTS = "[]"  # instead of a list with reasons


def names(table: str) -> list[str]:
    """The triggers a table must have."""
    if table in APPEND_ONLY:
        return [f"{PREFIX}{table}_{event}" for event in ("keep_update", "keep_delete")]
    return [f"{PREFIX}{table}_{event}" for event in ("insert", "update", "delete")]


def expected(tables) -> set[str]:
    return {name for table in (*INPUTS, *APPEND_ONLY) if table in tables for name in names(table)}


def existing(connection) -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [f"{PREFIX}%"])
        else:
            cursor.execute(
                "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE NOT tgisinternal AND n.nspname = current_schema() AND tgname LIKE %s",
                [f"{PREFIX}%"],
            )
        return {row[0] for row in cursor.fetchall()}


def drop(using="default") -> None:
    connection = connections[using]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for name in sorted(existing(connection)):
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                continue
            table = next(t for t in (*INPUTS, *APPEND_ONLY) if name in names(t))
            if table in tables:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def create(using="default") -> None:
    """Make the triggers of all tables that exist now. Safe to call again."""
    connection = connections[using]
    drop(using)
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        if FRESHNESS not in tables:
            return
        for table in (*INPUTS, *APPEND_ONLY):
            if table not in tables:
                continue
            if connection.vendor == "sqlite":
                columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
                statements = sqlite_statements(table, columns, erasing=ERASURES in tables)
            else:
                statements = postgresql_statements(table, erasing=ERASURES in tables)
            for statement in statements:
                cursor.execute(statement)


def raise_version(patient: str, kinds) -> str:
    wanted = ", ".join(f"'{kind}'" for kind in kinds)
    return (
        f"UPDATE {FRESHNESS} SET data_version = data_version + 1, attempts = 0, not_before = NULL "
        f"WHERE patient_id = {patient} AND kind IN ({wanted});"
    )


def new_rows(patient: str) -> str:
    rows = ", ".join(f"({patient}, '{kind}', 0, -1, '', 0, NULL)" for kind in KINDS)
    columns = "patient_id, kind, data_version, computed_version, computed_engine, attempts, not_before"
    return f"INSERT INTO {FRESHNESS} ({columns}) VALUES {rows} ON CONFLICT DO NOTHING;"


def bodies(table: str) -> dict[str, str]:
    """What each event of an input table does, in SQL that both engines read."""
    kinds, owner, _ = INPUTS[table]
    if table == "patients_patient":
        return {"insert": new_rows("NEW.id"), "update": raise_version("NEW.id", kinds), "delete": ""}
    both = (
        raise_version(f"NEW.{owner}", kinds)
        + " "
        + raise_version(f"OLD.{owner}", kinds).replace("WHERE", f"WHERE OLD.{owner} <> NEW.{owner} AND")
    )
    return {
        "insert": raise_version(f"NEW.{owner}", kinds),
        "update": both,
        "delete": raise_version(f"OLD.{owner}", kinds),
    }


def events(table: str) -> list[tuple[str, str, str]]:
    """(trigger name, event clause, body) of an input table; a patient is never deleted, so that has no body."""
    _, _, columns = INPUTS[table]
    clause = {
        "insert": "INSERT",
        "update": "UPDATE OF " + ", ".join(columns) if columns else "UPDATE",
        "delete": "DELETE",
    }
    return [(f"{PREFIX}{table}_{event}", clause[event], body or "SELECT 1;") for event, body in bodies(table).items()]


def on_the_list(patient: str) -> str:
    """SQL: whether this patient's identity was erased."""
    return f"EXISTS (SELECT 1 FROM {ERASURES} e JOIN patients_patient p ON p.code = e.code WHERE p.id = {patient})"


def sqlite_statements(table: str, columns: Sequence[str], *, erasing: bool) -> list[str]:
    if table in APPEND_ONLY:
        unless = f"WHEN NOT ({erasure_only(table, columns)}) " if erasing and table in ERASABLE else ""
        return [
            f"CREATE TRIGGER {PREFIX}{table}_keep_{event.lower()} BEFORE {event} ON {table} {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for event, condition in (("UPDATE", unless), ("DELETE", ""))
        ]
    return [f"CREATE TRIGGER {name} AFTER {clause} ON {table} BEGIN {body} END" for name, clause, body in events(table)]


def erasure_only(table: str, columns: Sequence[str]) -> str:
    """SQLite: true where an update of a history does no more than to erase text of a patient on the list."""
    owner, texts = ERASABLE[table]
    same = [f'OLD."{column}" IS NEW."{column}"' for column in columns if column not in texts]
    erased = [
        f'(OLD."{column}" IS NEW."{column}" OR NEW."{column}" IN (\'{ERASED}\', \'{NO_TEXTS}\'))' for column in texts
    ]
    return " AND ".join([on_the_list(f"OLD.{owner}"), *same, *erased])


REFUSE_ALL = """
CREATE OR REPLACE FUNCTION edss_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
# arguments: the columns of free text, then the one that names the patient
REFUSE_ALL_BUT_ERASURE = f"""
CREATE OR REPLACE FUNCTION edss_erasure_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb := to_jsonb(OLD);
    becomes jsonb := to_jsonb(NEW);
    texts text[] := TG_ARGV[0:TG_NARGS - 2];
    text_column text;
BEGIN
    IF NOT {on_the_list("(was ->> TG_ARGV[TG_NARGS - 1])::bigint")} OR was - texts <> becomes - texts THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    FOREACH text_column IN ARRAY texts LOOP
        IF was -> text_column IS DISTINCT FROM becomes -> text_column
            AND coalesce(becomes ->> text_column, '') NOT IN ('{ERASED}', '{NO_TEXTS}') THEN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
        END IF;
    END LOOP;
    RETURN NEW;
END $$
"""


def postgresql_statements(table: str, *, erasing: bool) -> list[str]:
    if table in APPEND_ONLY:
        update = "edss_append_only()"
        if erasing and table in ERASABLE:
            owner, texts = ERASABLE[table]
            update = f"edss_erasure_only({', '.join(repr(column) for column in (*texts, owner))})"
        return [REFUSE_ALL, *([REFUSE_ALL_BUT_ERASURE] if erasing else [])] + [
            f"CREATE TRIGGER {PREFIX}{table}_keep_{event.lower()} BEFORE {event} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {function}"
            for event, function in (("UPDATE", update), ("DELETE", "edss_append_only()"))
        ]
    made = []
    for name, clause, body in events(table):
        body = body.replace("SELECT 1;", "")
        made += [
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {clause} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ]
    return made
