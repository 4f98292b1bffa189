"""The search for events once more, slow and plain, for a fixed baseline: written from section 5 of the specification.

Only for comparison. It knows no moving baseline and no new baseline after relapses, looks at every visit each time it
asks something, and shares no line with the engine.
"""

from datetime import date
from math import inf


def ordinal(text):
    return date.fromisoformat(text).toordinal()


def iso(day):
    return None if day is None else date.fromordinal(day).isoformat()


class Patient:
    def __init__(self, visits, relapses, definition):
        rows = [(ordinal(day), score, rest[0] if rest else True) for day, score, *rest in visits]
        self.day = [day for day, _, _ in rows]
        self.score = [score for _, score, _ in rows]
        self.may = [may for _, _, may in rows]
        self.all = range(len(rows))
        self.relapses = [ordinal(day) for day in relapses]
        self.d = definition
        table = {"CDW": definition.steps.worsening, "CDI": definition.steps.improvement}
        self.table = table

    # distances and steps

    def since(self, x):
        return min((self.day[x] - relapse for relapse in self.relapses if relapse <= self.day[x]), default=inf)

    def to(self, x):
        return min((relapse - self.day[x] for relapse in self.relapses if relapse >= self.day[x]), default=inf)

    def far_enough(self, x, pair):
        return self.since(x) >= pair[0] and self.to(x) >= pair[1]

    def step(self, kind, score):
        return [piece.points for piece in self.table[kind] if piece.first <= score][-1]

    def differs(self, kind, x, from_visit):
        """Whether visit x is a step away from another visit, in this direction."""
        change = self.score[x] - self.score[from_visit]
        return (change if kind == "CDW" else -change) >= self.step(kind, self.score[from_visit])

    def extremum(self, x):
        how = self.d.skip_local_extrema
        if how == "none" or x in (self.all[0], self.all[-1]):
            return False
        if x >= 2 and self.score[x] == self.score[x - 2]:
            return False
        if how == "strict":
            return any(self.differs(kind, x - 1, x) and self.differs(kind, x + 1, x) for kind in ("CDW", "CDI"))
        here, before, after = self.score[x], self.score[x - 1], self.score[x + 1]
        return (before > here and after > here) or (before < here and after < here)

    # confirmation

    def in_window(self, x, onset, window):
        return window[0] <= self.day[x] - self.day[onset] <= window[1]

    def may_confirm(self, x, onset):
        later = x > onset and self.may[x] and self.far_enough(x, self.d.relapse_to_conf)
        return later and any(self.in_window(x, onset, window) for window in self.d.windows)

    def relapse_free(self, earlier, onset, confirming):
        free = self.d.relapse_indep
        points = [(self.day[earlier], free.prec), (self.day[onset], free.event), (self.day[confirming], free.conf)]
        windows, begin = [], None
        for middle, (before, after) in points:
            if before is not None:
                begin = middle - before
            if after is not None:
                windows += [(begin, middle + after)] if (before, after) != (0, 0) else []
        return not any(low <= relapse <= high for low, high in windows if low < high for relapse in self.relapses)

    def sustained(self, kind, onset, base, end):
        days = self.d.require_sust_days
        if not days:
            return True
        if self.d.check_intermediate:
            return end is None or self.day[end] - self.day[onset] >= days
        there = [x for x in self.all if x > onset and self.day[x] - self.day[onset] >= days] or [self.all[-1]]
        return self.differs(kind, there[0], base)

    def last_different(self, kind, onset, first_confirming):
        """The latest earlier visit from which onset and confirmation differ by a step."""
        checked = [x for x in self.all if onset < x <= first_confirming]
        if not self.d.check_intermediate:
            checked = [first_confirming]
        for x in reversed(self.all[1:onset]):
            far = all(self.differs(kind, other, x) for other in (onset, *checked))
            if far and not self.extremum(x):
                return x
        return 0


def events(visits, relapses, definition):
    """All events in order of onset, and the onsets that were not kept, however many are wanted."""
    me, d = Patient(visits, relapses, definition), definition
    usable = [x for x in me.all[:-1] if me.far_enough(x, d.relapse_to_bl) and not me.extremum(x)]
    if not usable:
        return [], []
    base, found, missed = usable[0], [], []
    position, run = base + 1, (None, 0, -1)  # the direction, the onset and the end of the run that was counted last
    while True:
        onsets = [
            (x, kind)
            for x in me.all[position:]
            for kind in ("CDW", "CDI")
            if me.differs(kind, x, base) and me.far_enough(x, d.relapse_to_event)
        ]
        if not onsets:
            return found, missed
        onset, kind = onsets[0]
        can = [x for x in me.all if me.may_confirm(x, onset)]
        between = [x for x in me.all if onset < x <= can[0]] if can else []
        if can and not d.check_intermediate:
            between = [can[0]]
        confirmed = bool(can) and all(me.differs(kind, x, base) for x in between)
        imputed = not confirmed and kind == "CDW" and onset == me.all[-1] and imputes(me, onset)
        if not confirmed and not imputed:
            missed.append(onset)
            position = onset + 1
            continue
        first = can[0] if confirmed else onset
        broken = [x for x in me.all if x > first and not me.differs(kind, x, base)]
        end = broken[0] if broken else None
        can = [x for x in can if end is None or x < end]
        if not me.sustained(kind, onset, base, end):
            missed.append(onset)
            position = onset + 1
            continue
        goes_on = run[0] == kind and onset < run[2]
        event = described(me, kind, onset, base, first, can, end, imputed)
        if d.event == "firstRAW" and goes_on:  # a step above the run itself is a change of its own
            goes_on = me.last_different(kind, onset, first) < run[1]
        wanted = {"firstPIRA": "PIRA", "firstRAW": "RAW"}.get(d.event)
        other_class = wanted and kind == "CDW" and event["cdw_type"] != wanted
        if not goes_on and not other_class:
            found.append(event)
        if not imputed and not d.count_continuations:
            run = (kind, run[1] if goes_on else onset, len(me.day) if end is None else end)
        if imputed or other_class or (goes_on and d.event in ("firstPIRA", "firstRAW")) or d.proceed_from == "event":
            position = onset + 1
        else:
            position = first + 1


def imputes(me, onset):
    rule = me.d.impute_last_visit
    return rule == 1 or (rule > 1 and me.day[onset] - me.day[0] <= rule)


def described(me, kind, onset, base, first, can, end, imputed):
    d, day = me.d, me.day
    earlier = me.last_different(kind, onset, first)
    last_held = me.all[-1] if end is None else end - 1
    keys = [str(days) for days in d.conf_days]

    def earliest(visits):
        by_window = [[x for x in visits if me.in_window(x, onset, window)] for window in d.windows]
        return {key: iso(day[found[0]]) if found else None for key, found in zip(keys, by_window, strict=True)}

    event = {
        "type": kind,
        "cdw_type": None,
        "date": iso(day[onset]),
        "value": me.score[onset],
        "baseline_date": iso(day[base]),
        "baseline_value": me.score[base],
        "last_delta_date": iso(day[earlier]),
        "last_delta_value": me.score[earlier],
        "days_from_start": day[onset] - day[0],
        "days_from_baseline": day[onset] - day[base],
        "sustained_days": day[last_held] - day[onset],
        "sustained_to_last": end is None,
        "confirmed": earliest(can),
    }
    classifies = d.event in ("firstPIRA", "firstRAW") or (d.RAW_PIRA and d.event != "firstCDI")
    if kind == "CDW" and classifies and not imputed:
        point = {"baseline": base, "last": onset - 1, "last_delta": earlier}[d.relapse_indep.prec_type]
        free = [x for x in can if me.relapse_free(point, onset, x)]
        near = me.since(onset) <= d.relapse_assoc[0] or me.to(onset) <= d.relapse_assoc[1]
        event["cdw_type"] = "RAW" if near else "PIRA" if free else "undefined"
        event["pira_confirmed"] = earliest([] if near else free)
    return event


def wanted(found, event):
    """Of all events those that a definition returns."""
    tests = {
        "multiple": lambda one: True,
        "first": lambda one: True,
        "firstCDW": lambda one: one["type"] == "CDW",
        "firstCDI": lambda one: one["type"] == "CDI",
        "firstPIRA": lambda one: one["cdw_type"] == "PIRA",
        "firstRAW": lambda one: one["cdw_type"] == "RAW",
    }
    those = [one for one in found if tests[event](one)]
    return those if event == "multiple" else those[:1]
