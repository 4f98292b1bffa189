"""Which tables feed which derived data, and the triggers that count their changes.

Triggers, not signals: they also see bulk writes, `update()` and SQL by hand. SQLite drops the triggers of a table it
rebuilds, so they are dropped before every migration and made anew after it, from the one list below.
"""

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
APPEND_ONLY = (
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
        statements = sqlite_statements if connection.vendor == "sqlite" else postgresql_statements
        for table in (*INPUTS, *APPEND_ONLY):
            if table in tables:
                for statement in statements(table):
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


def sqlite_statements(table: str) -> list[str]:
    if table in APPEND_ONLY:
        return [
            f"CREATE TRIGGER {PREFIX}{table}_keep_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for event in ("UPDATE", "DELETE")
        ]
    return [f"CREATE TRIGGER {name} AFTER {clause} ON {table} BEGIN {body} END" for name, clause, body in events(table)]


def postgresql_statements(table: str) -> list[str]:
    if table in APPEND_ONLY:
        refuse = (
            "CREATE OR REPLACE FUNCTION edss_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
        return [refuse] + [
            f"CREATE TRIGGER {PREFIX}{table}_keep_{event.lower()} BEFORE {event} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION edss_append_only()"
            for event in ("UPDATE", "DELETE")
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
