"""The search for confirmed events of one patient, on flat tables: docs/engine.md, "Events".

One source for two ways of running: as plain Python on lists, and compiled by `engine.compiling` on arrays. So it keeps
to what both can do: whole functions on tuples of columns, numbers and indices. Visits of a patient are the rows
`a` to `z - 1` of the tables, relapses the rows `ra` to `rz - 1`; days and scores are floats. A score is held the way
round in which higher is worse.
"""

from __future__ import annotations

from typing import Any, NamedTuple

MULTIPLE, FIRST, FIRST_CDW, FIRST_CDI, FIRST_PIRA, FIRST_RAW = range(6)
CDI, CDW = -1, 1
UNCLASSIFIED, UNDEFINED, PIRA, RAW, NOT_CLASSIFIABLE = range(5)
NO_LATER_VISIT, NONE_IN_WINDOW, NEAR_RELAPSE, MAY_NOT_CONFIRM, BROKEN, NOT_SUSTAINED, BELOW_STEP = range(1, 8)
BASELINE, LAST, LAST_DELTA = range(3)
EXTREMA_ALLOWED, STRICT_EXTREMA, ALL_EXTREMA = range(3)
NEVER = -1  # an index that points nowhere


class Visits(NamedTuple):
    """Columns by visit. `up` and `down`: the smallest rise and fall from this score that count, or infinity."""

    day: Any
    score: Any
    up: Any
    down: Any
    may: Any  # may confirm
    since: Any  # days since the latest relapse that may have begun by then; infinite without one
    to: Any  # days to the earliest relapse that may begin from then on


class Relapses(NamedTuple):
    """Columns by relapse, in order of `first`: first and last possible onset, and how long it reaches."""

    first: Any
    last: Any
    end: Any  # last day of the relapse itself, or NaN; only read where a definition uses it
    reach: Any


class Windows(NamedTuple):
    """Days from onset to confirmation, both ends included, one entry a window."""

    low: Any
    high: Any


class Found(NamedTuple):
    """Columns by event: indices of visits, and in `conf` and `pira` one index a window (NEVER: not confirmed)."""

    onset: Any
    base: Any
    base_score: Any
    delta: Any  # last clinically different visit
    delta_score: Any  # as the search had it: a baseline may have taken another score
    kind: Any
    label: Any
    held: Any  # last visit of the uninterrupted run
    conf: Any
    pira: Any


class Missed(NamedTuple):
    """Columns by change that was not confirmed. `at`: the visit that broke it; `day`: confirmable from, or infinity."""

    onset: Any
    base: Any
    base_score: Any
    kind: Any
    reason: Any
    at: Any
    day: Any


class Rules(NamedTuple):
    """A definition as numbers (`engine.definitions` makes it)."""

    event: int
    classify: bool
    move_up: bool  # a confirmed worsening moves the baseline
    move_down: bool
    from_event: bool
    sub_up: bool
    sub_down: bool
    sub_first: bool  # a worsening is tested for a change below a step before it is for a step
    any_change: bool  # a change below a step is an onset, too
    keep: float  # 1: a new baseline is never lower than the one before it, -1: never higher, 0: as it is
    own_steps: bool  # a score that is replaced takes its steps along
    rebaseline: bool  # after each relapse
    lowest: bool  # a moved baseline takes the lowest score within the confirmation period
    extrema: int
    every_visit: bool  # all visits up to the confirming one must hold
    sustain: float
    bl_since: float
    bl_to: float
    on_since: float
    on_to: float
    conf_since: float
    conf_to: float
    assoc_before: float
    assoc_after: float
    prec: int
    free_before: tuple[float, float, float]  # around the earlier visit, the onset, the confirming visit; NaN: joined
    free_after: tuple[float, float, float]
    windows: int
    latest: float  # end of the widest window
    impute_within: float  # days from the first visit; negative: never
    peer: bool  # as pymsprog does it
    own_direction: bool  # the first change of one direction is not hidden by one of the other
    drop_earlier: bool  # relapses long before the first visit are not known
    ends: bool  # a relapse lasts to its end, where that is known
    repeat: bool  # a run that goes on against an unmoved baseline counts again


def distances(v: Visits, rel: Relapses, a: int, z: int, ra: int, rz: int) -> None:
    """Fill `since` and `to`. An onset known as an interval is as near as it may have been."""
    day, since, to, first, last = v.day, v.since, v.to, rel.first, rel.last
    begun, ahead, latest = ra, ra, -float("inf")
    for x in range(a, z):
        now = day[x]
        while begun < rz and first[begun] <= now:
            latest = max(latest, last[begun])
            begun += 1
        while ahead < rz and last[ahead] < now:
            ahead += 1
        since[x] = max(now - latest, 0.0)
        to[x] = max(first[ahead] - now, 0.0) if ahead < rz else float("inf")


def within_relapses(v: Visits, rel: Relapses, a: int, z: int, ra: int, rz: int) -> None:
    """Correct `since` where ends are known: zero within a relapse, and outside it that relapse does not count."""
    for x in range(a, z):
        found = float("inf")
        for i in range(ra, rz):
            if rel.first[i] <= v.day[x]:
                if rel.end[i] == rel.end[i]:
                    distance = 0.0 if v.day[x] <= rel.end[i] else float("inf")
                else:
                    distance = max(v.day[x] - rel.last[i], 0.0)
                found = min(found, distance)
        v.since[x] = found


def extremum(v: Visits, x: int, a: int, z: int, how: int) -> bool:
    """A dip or a peak between its neighbours; not so at the ends, nor when it repeats the visit two before."""
    if x == a or x == z - 1:
        return False
    score = v.score
    here, before, after = score[x], score[x - 1], score[x + 1]
    if x > a + 1 and here == score[x - 2]:
        return False
    if how == ALL_EXTREMA:
        return bool((before > here and after > here) or (before < here and after < here))
    up, down = v.up[x], v.down[x]
    dip, peak = before - here >= up and after - here >= up, before - here <= -down and after - here <= -down
    return bool(dip or peak)


def breaks(v: Visits, start: int, end: int, base: float, step: float, kind: int) -> int:
    """First visit from `start` that is not a step from the base in this direction; `end` when all are."""
    score = v.score
    for x in range(start, end):
        change = (score[x] - base) * kind
        if not change >= step:
            return x
    return end


def holds_side(v: Visits, c: int, f: int, base: float, kind: int, r: Rules) -> bool:
    """Whether every visit after the onset up to the confirming one, or that one alone, is on this side of the base."""
    score = v.score
    for x in range(c + 1 if r.every_visit else f, f + 1):
        if not (score[x] - base) * kind > 0:
            return False
    return True


def find_onset(v: Visits, s: int, z: int, base: float, up: float, down: float, r: Rules) -> int:
    """First visit from `s` that differs by a step, or at all where that counts, and is not too near a relapse."""
    score, since, to, anything = v.score, v.since, v.to, r.any_change
    for x in range(s, z):
        change = score[x] - base
        if (change != 0 if anything else (change >= up or change <= -down)) and (
            since[x] >= r.on_since and to[x] >= r.on_to
        ):
            return x
    return z


def candidates(v: Visits, c: int, z: int, w: Windows, r: Rules, conf: Any, slot: int) -> int:
    """Fill `conf` with the first visit that may confirm in each window; the earliest of them, or NEVER."""
    day, may, since, to, low, high = v.day, v.may, v.since, v.to, w.low, w.high
    earliest, missing, start = NEVER, r.windows, day[c]
    for k in range(r.windows):
        conf[slot + k] = NEVER
    for x in range(c + 1, z):
        gap = day[x] - start
        if missing == 0 or gap > r.latest:
            break
        if may[x] and since[x] >= r.conf_since and to[x] >= r.conf_to:
            for k in range(r.windows):
                if conf[slot + k] < 0 and low[k] <= gap <= high[k]:
                    conf[slot + k] = x
                    missing -= 1
                    if earliest < 0:
                        earliest = x
    return earliest


def confirmed(v: Visits, c: int, f: int, base: float, step: float, kind: int, r: Rules) -> bool:
    """Whether every visit after the onset up to the confirming one, or that one alone, is a step away."""
    return breaks(v, c + 1 if r.every_visit else f, f + 1, base, step, kind) > f


def sustained(v: Visits, c: int, e: int, z: int, base: float, step: float, kind: int, r: Rules) -> bool:
    """Whether the change lasts as long as is required; `e` is the first visit that broke it."""
    if r.sustain == 0 or (e == z and r.every_visit):
        return True
    day = v.day
    if r.every_visit:
        return bool(day[e] - day[c] >= r.sustain)
    for x in range(c + 1, z):
        if day[x] - day[c] >= r.sustain:
            return breaks(v, x, x + 1, base, step, kind) > x
    return breaks(v, z - 1, z, base, step, kind) == z


def last_different(v: Visits, a: int, c: int, f: int, z: int, kind: int, r: Rules) -> int:
    """Latest visit before the onset from which onset and confirmation are a step away; else the first visit."""
    for x in range(c - 1, a, -1):
        step = v.up[x] if kind > 0 else v.down[x]
        start = c + 1 if r.every_visit else f
        if (
            (v.score[c] - v.score[x]) * kind >= step
            and breaks(v, start, f + 1, v.score[x], step, kind) > f
            and not (r.extrema > 0 and extremum(v, x, a, z, r.extrema))
        ):
            return x
    return a


def relapse_free(rel: Relapses, ra: int, rz: int, prec: float, onset: float, conf: float, r: Rules) -> bool:
    """Whether no relapse may have begun in the windows around the three points."""
    start = 0.0
    for point in range(3):
        middle = prec if point == 0 else onset if point == 1 else conf
        before, after = r.free_before[point], r.free_after[point]
        if before == before:  # NaN is not equal to itself: the window goes on from the point before
            start = middle - before
        if after == after:
            end = middle + after
            if end > start:
                for i in range(ra, rz):
                    if rel.first[i] <= end and rel.last[i] >= start:
                        return False
    return True


def classify(
    v: Visits, rel: Relapses, w: Windows, found: Found, r: Rules, e: int, c: int, f: int, z: int, prec: int, slot: int,
    ra: int, rz: int, imputed: bool,
) -> int:  # fmt: skip
    """RAW, PIRA or undefined; fills `pira` with the first relapse-free confirming visit of each window."""
    day = v.day
    # infinite is not within infinite, but for the peer: without a relapse nothing is near one
    farthest = float("inf")
    before = v.since[c] <= r.assoc_before and (r.peer or v.since[c] < farthest)
    if before or (v.to[c] <= r.assoc_after and (r.peer or v.to[c] < farthest)):
        return RAW
    if imputed:
        return PIRA if relapse_free(rel, ra, rz, day[prec], day[c], day[c], r) else UNDEFINED
    label = UNDEFINED
    for x in range(f, e):
        gap = day[x] - day[c]
        if gap > r.latest:
            break
        if not (v.may[x] and v.since[x] >= r.conf_since and v.to[x] >= r.conf_to):
            continue
        if not relapse_free(rel, ra, rz, day[prec], day[c], day[x], r):
            continue
        for k in range(r.windows):
            if found.pira[slot + k] < 0 and w.low[k] <= gap <= w.high[k]:
                found.pira[slot + k] = x
                label = PIRA
    return label


def clear_from(rel: Relapses, ra: int, rz: int, day: float, r: Rules) -> float:
    """First whole day from this one on that is as far from the relapses as a confirming visit has to be."""
    day = -(-day // 1)
    for i in range(ra, rz):  # in order of their first days: none passed before is met again
        if day <= rel.last[i] and rel.first[i] - day < r.conf_to:
            day = rel.last[i] + 1
        ended = r.ends and rel.end[i] == rel.end[i]
        after = rel.end[i] + 1 if ended else rel.last[i] + r.conf_since
        if r.conf_since > 0 and rel.first[i] <= day < after:
            day = after if after == float("inf") else -(-after // 1)
    return day


def why_not(
    v: Visits, rel: Relapses, w: Windows, missed: Missed, r: Rules, n: int, c: int, f: int, z: int, base: float,
    step: float, kind: int, ra: int, rz: int,
) -> None:  # fmt: skip
    """Write down why a change was not confirmed, and from which day on a later visit could do it."""
    missed.at[n], missed.day[n] = NEVER, float("inf")
    if not (v.score[c] - base) * kind >= step:
        missed.reason[n] = BELOW_STEP
        return
    broken = breaks(v, c + 1 if r.every_visit else max(f, c + 1), z, base, step, kind)
    if f >= 0 or (r.every_visit and broken < z and v.day[broken] - v.day[c] <= r.latest):
        missed.reason[n], missed.at[n] = BROKEN, broken
        return
    missed.reason[n] = NO_LATER_VISIT if c == z - 1 else NONE_IN_WINDOW
    for x in range(c + 1, z):
        for k in range(r.windows):
            if w.low[k] <= v.day[x] - v.day[c] <= w.high[k]:
                near = v.since[x] < r.conf_since or v.to[x] < r.conf_to
                missed.reason[n], missed.at[n] = (NEAR_RELAPSE if near else MAY_NOT_CONFIRM), x
    for k in range(r.windows):
        day = clear_from(rel, ra, rz, max(v.day[z - 1] + 1, v.day[c] + w.low[k]), r)
        if day <= v.day[c] + w.high[k]:
            missed.day[n] = min(missed.day[n], day)


def crossed(v: Visits, rel: Relapses, b: int, s: int, ra: int, rz: int) -> bool:
    """Whether a relapse after the baseline reaches its end before visit `s`."""
    for i in range(ra, rz):
        if v.day[b] < rel.first[i] and rel.first[i] + rel.reach[i] < v.day[s]:
            return True
    return False


def slot_of(found: Found, fa: int, count: int, onset: int) -> int:
    """Row of an event with this onset, else the next free one: an onset found twice keeps the later finding."""
    for row in range(fa, fa + count):
        if found.onset[row] == onset:
            return row
    return fa + count


def miss_row(missed: Missed, ma: int, count: int, onset: int, base: int, score: float, kind: int) -> int:
    """Row for a change that is not kept, begun; one that is examined again after a relapse keeps its place."""
    row = ma
    while row < ma + count and missed.onset[row] != onset:
        row += 1
    missed.onset[row], missed.base[row], missed.base_score[row], missed.kind[row] = onset, base, score, kind
    return row


def move_row(found: Found, source: int, target: int, windows: int) -> None:
    found.onset[target], found.base[target] = found.onset[source], found.base[source]
    found.base_score[target], found.delta[target] = found.base_score[source], found.delta[source]
    found.delta_score[target] = found.delta_score[source]
    found.kind[target], found.label[target] = found.kind[source], found.label[source]
    found.held[target] = found.held[source]
    for k in range(windows):
        found.conf[target * windows + k] = found.conf[source * windows + k]
        found.pira[target * windows + k] = found.pira[source * windows + k]


def wanted(found: Found, row: int, event: int) -> bool:
    if event <= FIRST:
        return True
    if event == FIRST_CDI:
        return bool(found.kind[row] == CDI)
    if event == FIRST_CDW:
        return bool(found.kind[row] == CDW)
    return bool(found.kind[row] == CDW and found.label[row] == (PIRA if event == FIRST_PIRA else RAW))


def has_wanted(found: Found, fa: int, count: int, event: int) -> bool:
    for row in range(fa, fa + count):
        if wanted(found, row, event):
            return True
    return False


def pick(found: Found, fa: int, count: int, findings: int, r: Rules) -> int:
    """Reduce the events to the one that is wanted, in row `fa`; how many are left."""
    if r.event == MULTIPLE or count == 0:
        return count
    chosen = NEVER
    for row in range(fa, fa + count):
        if wanted(found, row, r.event) and (chosen < 0 or found.onset[row] < found.onset[chosen]):
            chosen = row
    if chosen < 0:
        return 0
    if r.peer and r.event != FIRST and findings == count:  # it counts in one order and picks in another
        for row in range(fa, fa + count):
            if found.onset[row] > found.onset[chosen]:
                chosen = row
    move_row(found, chosen, fa, r.windows)
    return 1


def take_lowest(v: Visits, b: int, c: int, f: int) -> None:
    """Give the new baseline the lowest score from onset to confirmation, with its steps."""
    low = f
    for x in range(c, f):
        if v.score[x] < v.score[low]:
            low = x
    v.score[b], v.up[b], v.down[b] = v.score[low], v.up[low], v.down[low]


def next_move(found: Found, row: int, c: int, f: int, r: Rules) -> int:
    """Where the search and a moving baseline go on: the earliest confirming visit that held, or the onset."""
    if r.from_event:
        return c
    if r.peer:  # the first window in the order given
        for k in range(r.windows):
            if found.conf[row * r.windows + k] >= 0:
                return int(found.conf[row * r.windows + k])
    return f


def search(
    v: Visits, rel: Relapses, w: Windows, found: Found, missed: Missed, r: Rules,
    a: int, z: int, ra: int, rz: int, fa: int, ma: int, collected: bool, impute: bool,
) -> tuple[int, int]:  # fmt: skip
    """Find the events of one patient; how many rows were written to `found` from `fa` on, to `missed` from `ma` on.

    `collected`: relapses were asked for, so that a worsening can be classified. `impute`: a worsening first seen at
    the last visit is kept.
    """
    b, s, next_relapse, run_begin, run_end, placed = a, a + 1, ra, a, a, a
    count = findings = misses = delta = label = run_kind = 0
    previous = up = down = 0.0
    has_previous = False
    other = CDI if r.event in (FIRST_CDW, FIRST_PIRA, FIRST_RAW) else CDW if r.event == FIRST_CDI else 0
    while True:
        while b < z - 1 and (
            v.since[b] < r.bl_since or v.to[b] < r.bl_to or (r.extrema > 0 and extremum(v, b, a, z, r.extrema))
        ):
            b += 1
        if b >= z - 1:
            break
        s = max(s, b + 1)
        # the score stays, and so does a run against it; that belongs to moves by relapses, but for the peer
        if has_previous and (previous - v.score[b]) * r.keep > 0 and (r.peer or ra < rz):
            v.score[b] = previous
            if r.own_steps:
                v.up[b], v.down[b] = up, down
        elif b != placed:
            run_end = a
        placed = b
        previous, has_previous = v.score[b], True
        base, up, down = v.score[b], v.up[b], v.down[b]
        while r.rebaseline and next_relapse < rz and rel.first[next_relapse] <= v.day[b]:
            next_relapse += 1
        c = find_onset(v, s, z, base, up, down, r)
        if c >= z:
            break
        if r.rebaseline and next_relapse < rz and v.day[c] > rel.first[next_relapse] + rel.reach[next_relapse]:
            s = c  # it lies beyond the next relapse: first the baseline moves
        else:
            kind = CDW if v.score[c] > base else CDI
            step = up if kind > 0 else down
            row = slot_of(found, fa, count, c)
            spare = fa + count  # a free row to work in
            f = candidates(v, c, z, w, r, found.conf, spare * r.windows)
            is_step = (v.score[c] - base) * kind >= step
            holds = is_step and f >= 0 and confirmed(v, c, f, base, step, kind, r)
            below = f >= 0 and (r.sub_up if kind > 0 else r.sub_down) and holds_side(v, c, f, base, kind, r)
            holds = holds and not (below and kind > 0 and r.sub_first)
            imputed = (
                not holds and is_step and kind > 0 and impute and c == z - 1
                and v.day[c] - v.day[a] <= r.impute_within
            )  # fmt: skip
            if holds or imputed:
                if imputed:
                    f = c
                e = breaks(v, f + 1, z, base, step, kind)
                moves = (r.move_up if kind > 0 else r.move_down) and not imputed
                kept = sustained(v, c, e, z, base, step, kind, r)
                for k in range(r.windows):
                    if found.conf[spare * r.windows + k] >= e:
                        found.conf[spare * r.windows + k] = NEVER
                    found.pira[spare * r.windows + k] = NEVER
                onward = next_move(found, spare, c, f, r)
                aside = r.own_direction and kind == other and not moves
                goes_on = c < run_end and kind == run_kind  # the run was counted before
                if goes_on and r.event == FIRST_RAW:  # but a further step within it is a change of its own
                    goes_on = last_different(v, a, c, f, z, kind, r) < run_begin
                report = kept and not aside and not (goes_on and (r.event == FIRST_PIRA or r.event == FIRST_RAW))
                if report and not goes_on:
                    delta = last_different(v, a, c, f, z, kind, r)
                    label = UNCLASSIFIED
                    if r.classify and kind > 0 and (r.peer or not imputed):
                        prec = b if r.prec == BASELINE else c - 1 if r.prec == LAST else delta
                        label = (
                            classify(v, rel, w, found, r, e, c, f, z, prec, spare * r.windows, ra, rz, imputed)
                            if collected
                            else NOT_CLASSIFIABLE
                        )
                    if kind > 0 and not r.move_up:
                        report = not (
                            (r.event == FIRST_PIRA and label != PIRA) or (r.event == FIRST_RAW and label != RAW)
                        )
                if report and not goes_on:
                    found.onset[spare], found.base[spare], found.base_score[spare] = c, b, base
                    found.delta[spare], found.kind[spare], found.label[spare] = delta, kind, label
                    found.delta_score[spare] = v.score[delta]
                    found.held[spare] = e - 1
                    if row != spare:
                        move_row(found, spare, row, r.windows)
                    else:
                        count += 1
                    findings += 1
                elif report:
                    findings += 1
                elif not kept:
                    miss = miss_row(missed, ma, misses, c, b, base, kind)
                    # what ended it may lie before the confirming visit, when not all visits between have to hold
                    end = e if e < z else breaks(v, c + 1, z, base, step, kind)
                    missed.reason[miss], missed.at[miss] = NOT_SUSTAINED, end
                    missed.day[miss] = float("inf")
                    misses = max(misses, miss - ma + 1)
                if moves:
                    b = onward
                    if r.lowest:
                        take_lowest(v, b, c, f)
                    s = b + 1
                elif imputed or not report:
                    s = c + 1
                else:
                    s = onward + 1
                if kept and not (imputed or aside or r.repeat):
                    run_begin = run_begin if goes_on else c
                    run_end, run_kind = e, kind
            elif below:
                onward = c if r.from_event else f
                jumped = onward + 1
                if not r.peer:  # a real step on the way is not jumped over, nor made the baseline
                    jumped = c if r.from_event and is_step else c + 1
                    while jumped <= onward and not (v.score[jumped] - base) * kind >= step:
                        jumped += 1
                if jumped > onward:
                    b = onward
                    if r.lowest:
                        take_lowest(v, b, c, f)
                    s = b + 1
                else:
                    if jumped == c:  # a step that was not confirmed, only a part of it
                        miss = miss_row(missed, ma, misses, c, b, base, kind)
                        why_not(v, rel, w, missed, r, miss, c, f, z, base, step, kind, ra, rz)
                        misses = max(misses, miss - ma + 1)
                    s = max(jumped, c + 1)
            else:
                miss = miss_row(missed, ma, misses, c, b, base, kind)
                why_not(v, rel, w, missed, r, miss, c, f, z, base, step, kind, ra, rz)
                counted = c < run_end and kind == run_kind
                if counted and (r.event != FIRST_RAW or last_different(v, a, c, c, z, kind, r) < run_begin):
                    missed.day[miss] = float("inf")  # no later visit makes another event of it
                misses = max(misses, miss - ma + 1)
                s = c + 1
        if r.rebaseline and s < z and crossed(v, rel, b, s, ra, rz):
            after = b
            while next_relapse < rz and after < z and v.day[after] < rel.last[next_relapse]:
                after += 1
            if next_relapse >= rz or after > z - 2:
                break
            b, s = after, after + 1
        enough = findings > 1 if r.event == FIRST else has_wanted(found, fa, count, r.event)
        if r.event != MULTIPLE and enough:
            break
    return pick(found, fa, count, findings, r), misses


def search_many(
    v: Visits, rel: Relapses, w: Windows, found: Found, missed: Missed, r: Rules, offsets: Any, relapse_offsets: Any,
    collected: Any, impute: Any, counts: Any, misses: Any, begin: int, end: int,
) -> None:  # fmt: skip
    """Search patients `begin` to `end - 1`; `offsets` say where the rows of each begin.

    What is found is written close together, from the row of the first visit on: there are fewer changes than visits,
    and a processor waits for memory that lies apart.
    """
    fa = ma = offsets[begin]
    for i in range(begin, end):
        a, z, ra, rz = offsets[i], offsets[i + 1], relapse_offsets[i], relapse_offsets[i + 1]
        counts[i] = misses[i] = 0
        if z - a < 2:
            continue
        if r.drop_earlier:  # the peers do not know relapses long before the first visit
            while ra < rz and rel.first[ra] < v.day[a] - r.bl_since:
                ra += 1
        distances(v, rel, a, z, ra, rz)
        if r.ends:
            within_relapses(v, rel, a, z, ra, rz)
        counts[i], misses[i] = search(v, rel, w, found, missed, r, a, z, ra, rz, fa, ma, collected[i], impute[i])
        fa += counts[i]
        ma += misses[i]


# What a compiler has to know beside `search_many`, in an order in which each needs only those before it
PARTS = (
    distances, within_relapses, extremum, breaks, holds_side, find_onset, candidates, confirmed, sustained,
    last_different, relapse_free, classify, clear_from, why_not, crossed, slot_of, miss_row, move_row, wanted,
    has_wanted, pick, take_lowest, next_move, search,
)  # fmt: skip
