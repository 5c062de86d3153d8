"""The numbers of findings, in plain loops over what runs logged: no array, and nothing of tmnet but
`Run.races`, `Run.scalars` and `Run.config`. Of runs of one process, by their late rate and late
best of ten."""

import bisect
import itertools
import math
import statistics

from scipy import stats

RATE, BEST = "late_rate", "late_best_of_10"
DEFAULT = {"time": 5.0, "step": 50_000.0, "relative_step": 50_000.0}
WEIGHTS = {"own": 0.85, "other": 0.05, "gain": 0.1}
SLOW = {RATE: 0.02, BEST: 0.05}


class Driven:
    """A run: its events in order, and its races, by any axis."""

    def __init__(self, run, flops=None):
        """`flops`: of a batch, and of a decision, of its network."""
        self.name, self.config = run.name, run.config
        self.minutes = [float(x) for x in run.scalars["minutes"]]
        self.steps = [int(x) for x in run.scalars["step"]]
        self.first_step, self.flops, self.kept = min(self.steps), flops, {}
        rows = [i for i, tag in enumerate(run.scalars["tag"]) if tag == "cumul_number_batches_done"]
        self.batches = [(self.minutes[i], float(run.scalars["value"].iloc[i])) for i in rows]
        self.driven = [
            (row, float(time_s), bool(finished))
            for row, time_s, finished, kind in zip(
                run.races.index, *(run.races[x] for x in ("time_s", "finished", "kind"))
            )
            if kind == "eval"
        ]

    def at(self, by):
        """Where each event lies."""
        return self._once(("at", by), lambda: self._at(by))

    def _once(self, key, make):
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def _at(self, by):
        if by == "time":
            return [round(x, 9) for x in self.minutes]
        if by == "step":
            return [float(x) for x in self.steps]
        frames = [float(x - self.first_step) for x in self.steps]
        if by == "relative_step":
            return frames
        batch, decision = self.flops
        return [(self.done(m) * batch + x * decision) / 1e15 for m, x in zip(self.minutes, frames)]

    def done(self, minute):
        """Batches of its own until a minute."""
        (m0, b0), (m1, b1) = self.batches[:2]
        start = max(b0 - (b1 - b0) / max(m1 - m0, 1e-9) * m0, 0.0)
        points = [(0.0, start), *self.batches]
        for (a, x), (b, y) in itertools.pairwise(points):
            if minute <= b:
                return x + (y - x) * (minute - a) / (b - a) - start
        return points[-1][1] - start

    def races(self, by):
        """(position, time, finished), in order."""
        at = self.at(by)
        races = ((at[row], t, done) for row, t, done in self.driven)
        return self._once(("races", by), lambda: sorted(races, key=lambda x: x[0]))

    def positions(self, by):
        return self._once(("positions", by), lambda: [x[0] for x in self.races(by)])

    def end(self, by):
        return max(self.at(by))

    def within(self, by, at, length):
        """Races that ended in (at - length, at]."""
        since, places = round(at - length, 9), self.positions(by)
        first, behind = (bisect.bisect_right(places, x) for x in (since, at))
        return self.races(by)[first:behind]

    def row(self, by, at):
        """Of the last event at or before a moment; None where there is none."""
        there = [(x, -i) for i, x in enumerate(self.at(by)) if x <= at]
        return -max(there)[1] if there else None

    def spent(self, by, at):
        """Minutes, frames, PFLOP."""
        row = self.row(by, at)
        frames = self.steps[row] - self.first_step
        pflop = self.at("flops")[row] if self.flops else math.nan
        return self.minutes[row], float(frames), pflop

    def source(self):
        if self.config.get("initial_checkpoint"):
            return True
        length = self.minutes[-1] - self.minutes[0]
        if length <= 0 or self.first_step <= 0.01 * max(self.steps):
            return False
        pace = (max(self.steps) - min(self.steps)) / length
        return self.first_step > 3 * self.minutes[0] * pace


# --- values of races ------------------------------------------------------------------------------


def best_of_ten(times):
    """The mean of the fastest of all choices of ten."""
    times, n = sorted(times), len(times)
    if n < 10:
        return math.nan
    return math.fsum(t * math.comb(n - i, 9) for i, t in enumerate(times, 1)) / math.comb(n, 10)


def value(metric, races):
    if metric == RATE:
        return sum(x[2] for x in races) / len(races) if races else math.nan
    return best_of_ten([t for _, t, done in races if done])


def blocks(values, b):
    n = len(values)
    return [values[n * j // b : n * (j + 1) // b] for j in range(b)]


def estimate(metric, races):
    """Value, variance (NaN where there is none), degrees of freedom and n."""
    if metric == RATE:
        values = [float(done) for *_, done in races]
    else:
        values = [t for _, t, done in races if done]
    n, found = len(values), value(metric, races)
    b = max(4, round(n**0.4))
    b = min(b, n // 10) if metric == BEST else b
    if n < 10 or b < (3 if metric == BEST else 2):
        return found, math.nan, math.nan, n
    of = statistics.fmean if metric == RATE else best_of_ten
    each = [of(block) for block in blocks(values, b)]
    variance = math.fsum((y - x) ** 2 for x, y in itertools.pairwise(each)) / (2 * b * (b - 1))
    if metric == RATE:
        p = (sum(values) + 2) / (n + 4)
        variance = max(variance, p * (1 - p) / (n + 4))
    else:
        without = [best_of_ten(values[:i] + values[i + 1 :]) for i in range(n)]
        variance = max(variance, (n - 1) * statistics.pvariance(without) / 2)
        variance = math.nan if variance <= (1e-9 * found) ** 2 else variance
    return found, variance, 2 * (b - 1) / 3, n


def interval(metric, found):
    v, var, freedom, _ = found
    if math.isnan(var):
        return None
    half = stats.t.ppf(0.975, freedom) * math.sqrt(var)
    return max(v - half, 0), min(v + half, 1) if metric == RATE else v + half


def difference(metric, one, other):
    """Value, 95 % of it, p."""
    (v, var, f, _), (w, war, g, _) = one, other
    both = var + war
    if math.isnan(both) or math.isnan(v - w):
        return v - w, None, None
    freedom = both**2 / (var**2 / f + war**2 / g)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(both)
    low, high = v - w - half, v - w + half
    if metric == RATE:
        low, high = max(low, -1), min(high, 1)
    return v - w, (low, high), 2 * stats.t.sf(abs(v - w) / math.sqrt(both), freedom)


def better(metric, x, y):
    return x > y if metric == RATE else x < y


# --- values of seeds ------------------------------------------------------------------------------


def worst(metric):
    return -math.inf if metric == RATE else math.inf


def middle(metric, values):
    """Inter-quartile mean from 4 seeds on, the median below; None where it is not finite."""
    values = sorted(worst(metric) if math.isnan(x) else x for x in values)
    n = len(values)
    cut = int(n * 0.25)
    if not n:
        return None
    found = statistics.fmean(values[cut : n - cut]) if n > 3 else statistics.median(values)
    return found if math.isfinite(found) else None


def alike(values):
    return max(values) - min(values) <= 1e-9 * max(map(abs, values))


def by_seeds(metric, one, other):
    """Difference of the means, 95 % of it, p, and whether the first is ahead."""
    n, m = len(one), len(other)
    known = not any(map(math.isnan, one + other))
    gap = statistics.fmean(one) - statistics.fmean(other) if known else None
    one, other = ([worst(metric) if math.isnan(x) else x for x in arm] for arm in (one, other))
    pairs = [(x, y) for x in one for y in other]
    won = sum(better(metric, x, y) for x, y in pairs) + sum(x == y for x, y in pairs) / 2
    ahead = better(metric, gap, 0) if known else won > len(pairs) / 2
    if min(n, m) < 3:
        return gap, None, None, ahead
    if known and not (alike(one) and alike(other)):
        found = stats.ttest_ind(one, other, equal_var=False)
        low, high = found.confidence_interval(0.95)
        if metric == RATE:
            low, high = max(low, -1), min(high, 1)
        return gap, (low, high), found.pvalue, ahead
    ranks = stats.rankdata(one + other)
    sums = [sum(x) for x in itertools.combinations(ranks, n)]
    low = sum(x <= sum(ranks[:n]) + 1e-9 for x in sums)
    high = sum(x >= sum(ranks[:n]) - 1e-9 for x in sums)
    return gap, None, min(1, 2 * min(low, high) / len(sums)), ahead


# --- a comparison ---------------------------------------------------------------------------------


def fitting(length, default):
    return default * next((x for x in (1, 0.4, 0.2, 0.1) if 20 * x * default <= length), 0.05)


def hundredth(length):
    power = 10.0 ** math.floor(math.log10(length / 100))
    return power * next(x for x in (1, 2, 5, 10) if x * power >= length / 100 * (1 - 1e-9))


class Compared:
    """Runs, or arms of runs, on one axis: what `findings` is to say."""

    def __init__(self, arms, by, window=None, interval=None, are_arms=False, baseline=None):
        """`arms`: of name to driven runs."""
        self.arms, self.by, self.are_arms = arms, by, are_arms
        self.runs = [run for runs in arms.values() for run in runs]
        common = (0.0, min(run.end(by) for run in self.runs))
        self.lo, hi = window or common
        self.is_whole = (self.lo, hi) == common
        interval = interval or DEFAULT.get(by) or hundredth(hi - self.lo)
        first, last = math.ceil(self.lo / interval - 1e-9), math.floor(hi / interval + 1e-9)
        numbers = range(max(first, 1), last + 1)
        self.grid = [round(k * interval, 9) for k in numbers] or [hi]
        self.last = self.grid[-1]
        self.left_out = {run.name for run in self.runs if self.ended(run) or run.source()}
        free = [arm for arm in arms if self.counted(arm)]
        self.baseline = baseline or (free[0] if free else next(iter(arms)))
        if baseline:
            self.left_out -= {run.name for run in arms[baseline] if not self.ended(run)}
        others = [arm for arm in arms if arm != self.baseline and self.counted(arm)]
        self.contrasted = others if self.counted(self.baseline) else []
        self.late = self._late()

    def ended(self, run):
        return self.last > run.end(self.by) * (1 + 1e-12) + 1e-9

    def counted(self, arm):
        return [run for run in self.arms[arm] if run.name not in self.left_out]

    def watched(self, arm):
        return [
            run for run in self.arms[arm]
            if run.name not in self.left_out or (self.ended(run) and not run.source())
        ]  # fmt: skip

    def _late(self):
        length = self.last - self.lo
        needed = [0.1 * length]
        for run in self.runs:
            at = [x for x in run.positions(self.by) if x <= self.last]
            if at and not self.ended(run):
                needed.append(self.last - at[-51] if len(at) > 50 else math.inf)
        return round(min(max(needed), length / 2), 9)

    def end(self, run):
        return min(self.last, run.end(self.by))

    def at(self, metric, run, moment, length=None):
        length = self.late if length is None else length
        return value(metric, run.within(self.by, moment, length))

    def told(self, metric, run, moment, length=None):
        return estimate(
            metric, run.within(self.by, moment, self.late if length is None else length)
        )

    def changes(self, run):
        """Moments at which a late metric may change."""
        at = run.positions(self.by)
        return sorted({*at, *(round(x + self.late, 9) for x in at)})

    def contrasts(self):
        """By (runs, metric): value, interval, n, p, who is ahead."""
        found = {}
        for arm, metric in itertools.product(self.contrasted, (RATE, BEST)):
            both = [self.counted(name) for name in (arm, self.baseline)]
            if self.are_arms:
                values = [[self.at(metric, run, self.last) for run in runs] for runs in both]
                gap, span, p, ahead = by_seeds(metric, *values)
                n = tuple(map(len, both))
            else:
                one, other = (self.told(metric, runs[0], self.last) for runs in both)
                gap, span, p = difference(metric, one, other)
                ahead, n = better(metric, gap, 0), (one[3], other[3])
                gap = None if math.isnan(gap) else gap
            found[arm, metric] = (gap, span, n, p, ahead)
        return found

    def gains(self, after):
        """By (arm, metric): better by, 95 % of it, n, p, the end and the window."""
        found = {}
        for arm, metric in itertools.product(self.arms, (RATE, BEST)):
            sign = 1 if metric == RATE else -1
            runs = self.counted(arm) if self.are_arms else self.arms[arm]
            end = self.last if self.are_arms or not runs else self.end(runs[0])
            w = min(self.late, end - after, after - self.lo)
            if not runs or w <= 0:
                continue
            if self.are_arms:
                pairs = [[self.at(metric, run, x, w) for x in (after, end)] for run in runs]
                if any(math.isnan(x) for pair in pairs for x in pair):
                    continue
                gap, span, p, n = (*of_pairs(metric, pairs), len(runs))
            else:
                before, last = (self.told(metric, runs[0], x, w) for x in (after, end))
                if not (before[3] and last[3]) or math.isnan(before[0] + last[0]):
                    continue
                gap, span, p = difference(metric, last, before)
                gap, span, n = sign * gap, towards(sign, span), last[3]
            found[arm, metric] = (gap, span, n, p, end, w)
        return found

    def elsewhere(self):
        """The same contrasts on the other axes."""
        runs = [run for arm in (self.baseline, *self.contrasted) for run in self.counted(arm)]
        for by in ("time", "step", "flops"):
            if by == self.by or (by, self.by) == ("step", "relative_step") or not self.contrasted:
                continue
            if by == "flops" and not all(run.flops for run in runs):
                continue
            rows = [run.row(self.by, self.last) for run in runs]
            if self.is_whole:
                hi = min(run.end(by) for run in runs)
            elif None in rows:
                continue
            else:
                hi = min(max(0.0, *run.at(by)[: row + 1]) for run, row in zip(runs, rows))
            if hi > 0:
                lengths = [max(run.minutes if by == "time" else run.steps) for run in runs]
                every = fitting(min(lengths), DEFAULT[by]) if by in DEFAULT else None
                arms = {arm: self.counted(arm) for arm in (self.baseline, *self.contrasted)}
                yield Compared(arms, by, (0.0, hi), every, self.are_arms, self.baseline)

    # --- what it took ---------------------------------------------------------------------------

    def first_finish(self, run):
        finishes = [x for x, _, done in run.races(self.by) if done and x <= self.end(run)]
        return finishes[0] if finishes else None

    def level(self, metric):
        if metric == RATE:
            return 0.5
        values = [self.at(metric, run, self.end(run)) for run in self.runs]
        values = [x for x in values if not math.isnan(x)]
        return max(values) if len(values) > 1 else None

    def reached(self, metric, level, run):
        """From when on it holds the level."""
        found, near = None, 1e-6 * abs(level)
        for moment in self.changes(run):
            if moment <= self.end(run):
                x = self.at(metric, run, moment)
                good = x >= level - near if metric == RATE else x <= level + near
                found = (moment if found is None else found) if good else None
        return found

    def anytime(self, run, end):
        """Mean of the trailing rate from the window's start on."""
        at = run.positions(self.by)
        knots = sorted({round(x, 9) for x in (self.lo, *at, *(x + self.late for x in at))})
        area, rate = 0.0, 0.0
        for knot, following in itertools.pairwise([*knots, max(knots[-1], end) + 1]):
            races = run.within(self.by, knot, self.late)
            rate = value(RATE, races) if races else rate
            length = min(following, end) - max(knot, self.lo)
            area += rate * max(length, 0.0)
        return area / (end - self.lo) if end > self.lo else math.nan

    def overtakes(self, metric, ahead, behind):
        """After which moment the one is never behind, and 95 % of that; None if it never was, or
        cannot be told to have been."""
        arms = [self.counted(name) for name in (ahead, behind)]
        moments = {self.lo} | {x for arm in arms for run in arm for x in self.changes(run)}
        if self.are_arms:
            moments = set(self.grid)
        moments = sorted(x for x in moments if self.lo <= x <= self.last)
        found, low, high = None, None, None
        for i, moment in enumerate(moments):
            none = 0.0 if metric == RATE else math.inf
            values = [[self.at(metric, run, moment) for run in arm] for arm in arms]
            values = [[none if math.isnan(x) else x for x in arm] for arm in values]
            means = [statistics.fmean(arm) for arm in values]
            if self.are_arms:
                seeds = [[math.nan if math.isinf(x) else x for x in arm] for arm in values]
                p = by_seeds(metric, *seeds)[2]
            else:
                p = difference(metric, *(self.told(metric, arm[0], moment) for arm in arms))[2]
                p = 0.0 if math.isinf(means[0]) != math.isinf(means[1]) else p
            told = p is not None and p <= (0.05 if self.are_arms else 0.025)
            if better(metric, means[1], means[0]):
                found = moments[i + 1] if i + 1 < len(moments) else None
                low, high = (moment, None) if told else (low, high)
            elif told and better(metric, *means) and high is None:
                high = moment
        if found is None or low is None:
            return None
        return found, (low, found if high is None else max(high, found))

    def plateau(self, metric, run):
        """Since when no later gain can be told, and all gains are slow."""
        w, end, sign = self.late, self.end(run), 1 if metric == RATE else -1
        moments = [x for x in self.grid if self.lo + w <= x <= end]
        moments = moments[:: max(1, math.ceil(len(moments) / 200))]
        slow = SLOW[metric] * (1 / 60 if self.by == "time" else 1e-6)
        if len(moments) < 2 or not run.driven:
            return None
        told = [self.told(metric, run, x) for x in moments]
        for i, since in enumerate(moments):
            later = [j for j, x in enumerate(moments) if x >= since + w - 1e-9]
            if not later or end - since < 0.2 * (self.last - self.lo):
                return None
            fine = True
            for j in later:
                gap, _, p = difference(metric, told[j], told[i])
                fine = fine and p is not None and (p > 0.05 or sign * gap < 0)
                fine = fine and sign * gap <= slow * (moments[j] - since) + 1e-12
            if fine:
                return since
        return None


def towards(sign, span):
    return span if sign > 0 or span is None else (-span[1], -span[0])


def of_pairs(metric, pairs):
    """Better by, 95 % of it and p, of seeds before and at the end."""
    sign = 1 if metric == RATE else -1
    gaps = [sign * (last - before) for before, last in pairs]
    gap, n = statistics.fmean(gaps), len(gaps)
    if n < 3 or max(gaps) - min(gaps) <= 1e-9 * max(abs(x) for pair in pairs for x in pair):
        return gap, None, None
    error = statistics.stdev(gaps) / math.sqrt(n)
    half = stats.t.ppf(0.975, n - 1) * error
    span = (gap - half, gap + half)
    if metric == RATE:
        span = (max(span[0], -1), min(span[1], 1))
    return gap, span, 2 * stats.t.sf(abs(gap) / error, n - 1)


def holm(asked):
    """Adjusted p of (key, p, weight): the smallest p / weight first."""
    adjusted, most = {}, 0.0
    order = sorted(asked, key=lambda x: x[1] / x[2])
    for i, (key, p, weight) in enumerate(order):
        left = sum(w for *_, w in order[i:])
        most = max(most, p * left / weight)
        adjusted[key] = float(min(1.0, most))
    return adjusted


def kaplan_meier(times, reached, until):
    """When half of all are there (or None), and the mean time up to a moment."""
    share, half, mean, before = 1.0, None, 0.0, 0.0
    for moment in sorted({t for t, there in zip(times, reached) if there}):
        mean += share * (moment - before)
        before = moment
        left = sum(t >= moment for t in times)
        share *= 1 - sum(there and t == moment for t, there in zip(times, reached)) / left
        if half is None and share <= 0.5 + 1e-12:
            half = moment
    return half, mean + share * (until - before)


def ratio(one, other):
    """Of geometric means; where not all got there, of inter-quartile ones, from 4 seeds on. None
    where there is none."""
    arms = [[x if math.isfinite(x) else math.inf for x in arm] for arm in (one, other)]
    if min(arms[0] + arms[1]) <= 0:
        return None
    logs = [[math.log(x) for x in arm] for arm in arms]
    if math.inf not in logs[0] + logs[1]:
        means = [statistics.fmean(arm) for arm in logs]
    else:
        means = [middle(BEST, arm) if len(arm) > 3 else None for arm in logs]
    return None if None in means else math.exp(means[0] - means[1])
