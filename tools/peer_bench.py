"""Time pymsprog on a cohort; started by `tools/bench.py` with the interpreter of the peer's own environment.

.venv-peers/bin/python tools/peer_bench.py COHORT.npz OPTIONS
"""

import json
import resource
import sys
import time
import warnings
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pandas as pd
from pymsprog import MSprog


def main() -> None:
    warnings.simplefilter("ignore")
    table = np.load(sys.argv[1])
    visits = pd.DataFrame({"id": table["patient"], "score": table["score"], "date": dates(table["day"])})
    relapses = pd.DataFrame({"id": table["relapse_patient"], "date": dates(table["relapse_day"])})
    options = {"subj_col": "id", "value_col": "score", "date_col": "date", "outcome": "edss", "relapse": relapses}
    began = time.perf_counter()
    with redirect_stdout(StringIO()):  # it prints
        _, results = MSprog(visits, verbose=0, **options, **json.loads(sys.argv[2]))
    took = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mib = used / (1024 * 1024 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": took, "mib": mib, "events": int((results["nevent"] > 0).sum())}))


def dates(ordinals: np.ndarray) -> pd.Series:
    return pd.Series(pd.to_datetime(ordinals - 719_163, unit="D"))


if __name__ == "__main__":
    main()
