"""The engine is pure: it can be used without the web."""

import subprocess
import sys


def test_the_engine_loads_neither_django_nor_the_apps():
    code = (
        "import pkgutil, importlib, sys, engine\n"
        "for m in pkgutil.iter_modules(engine.__path__): importlib.import_module('engine.' + m.name)\n"
        "bad = {'django', 'celery', 'rest_framework', 'patients', 'outcomes', 'assessments'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(bad)) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stderr
