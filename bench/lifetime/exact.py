"""Random customers of random models in exact arithmetic (mpmath), and how far `lifetime_values` is from it.

Usage: exact.py BINARY POINTS SEED [DIGITS [MODEL…]]; needs mpmath (and gmpy2 for speed) and python-flint. One line a model: points and largest relative errors.
With `fixture` for BINARY it prints POINTS rows for the tests instead: the case as `lifetime_values` reads it, `;`, the five exact answers.
The log-likelihood's error is relative to max(1, |LL|). A value below 1e-280 on both sides counts as equal.
"""
import random
import subprocess
import sys
import tempfile

from flint import acb, arb, ctx
from mpmath import exp, gamma, hyp2f1, log, loggamma, mp, mpf, rf

BINARY, POINTS, SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
mp.dps = int(sys.argv[4]) if len(sys.argv) > 4 else 60
ctx.prec = 320
SHARES = {"pareto_nbd": 0.36, "bgnbd": 0.25, "mbgnbd": 0.25, "bgbb": 0.08, "bgcnbd_k": 0.007, "mbgcnbd_k": 0.007, "ggomp_nbd": 0.05}
rng = random.Random(SEED)


def spread(low, high):
    return 10 ** rng.uniform(low, high)


def orders():
    return rng.choice([0, 1, 2, rng.randint(0, 20), rng.randint(0, 200), rng.randint(0, 2000)])


def history(age):
    x, t = orders(), spread(-1, 3)
    t_x = t * rng.choice([rng.random(), 1 - 1e-3 * rng.random(), 1e-3 * rng.random()]) if x else 0.0
    return [spread(-2, 3) * age, x, t_x * age, t * age]


def point(model):
    if model == "bgbb":
        n = rng.choice([rng.randint(1, 12), rng.randint(1, 60)])
        x = rng.randint(0, n)
        t_x = rng.randint(x, n) if x else 0
        return [rng.randint(1, 30), x, t_x, n, *(spread(-2, 2) for _ in range(4))]
    unit = spread(-1, 1)
    if model == "pareto_nbd":
        return history(unit) + [spread(-2, 1.5), spread(-1, 3) * unit, spread(-2, 1.5), spread(-1, 3) * unit]
    if model == "ggomp_nbd":
        return history(unit) + [spread(-2, 1.5), spread(-1, 3) * unit, spread(-6, 0.5) / unit, spread(-2, 1.5), spread(-5, 3)]
    letters = [spread(-2, 1.5), spread(-1, 3) * unit, spread(-2, 1.5), spread(-2, 1.5)]
    if model.endswith("cnbd_k"):
        # Few steps: the reference sums over each of them.
        x, (t_x, t) = rng.randint(0, 30), sorted([spread(-1, 1.5) * unit, spread(-1, 1.5) * unit])
        return [spread(-1, 0.5) * unit, x, t_x if x else 0.0, t, rng.randint(1, 6), *letters]
    return history(unit) + letters


def dropout_mean(r, tau, a, b):
    """E of a BG/NBD in t = tau α: eq. (9), a != 1."""
    z = tau / (1 + tau)
    return (a + b - 1) / (a - 1) * (1 - (1 - z) ** r * hyp2f1(r, b, a + b - 1, z))


def beta_family(case, first_too):
    t, x, t_x, age, r, alpha, a, b = case
    chances = x + first_too
    fall = ((alpha + t_x) / (alpha + age)) ** (r + x)
    stay = rf(b, chances) / rf(a + b, chances)
    alive = stay * fall
    gone = a * rf(b, chances - 1) / rf(a + b, chances) if chances else mpf(0)
    p = alive / (alive + gone)
    silent = ((alpha + age) / (alpha + age + t)) ** (r + x)
    mean = dropout_mean(r + x, t / (alpha + age), a, b + chances)
    new = dropout_mean(r, t / alpha, a, b + first_too) * (b / (a + b) if first_too else 1)
    ll = loggamma(r + x) - loggamma(r) + r * log(alpha) - (r + x) * log(alpha + t_x) + log(alive + gone)
    return p, p * mean, (1 - p) + p * silent, new, ll


def leaving(r, alpha, s, beta, t):
    """s ∫₀ᵗ (α/(α+y))^r (β/(β+y))^s /(β+y) dy, as a difference of two ₂F₁."""
    k = r + s

    def tail(y):
        if alpha >= beta:
            return (alpha + y) ** -k * hyp2f1(k, s + 1, k + 1, (alpha - beta) / (alpha + y))
        return (beta + y) ** -k * hyp2f1(k, r, k + 1, (beta - alpha) / (beta + y))

    return s / k * alpha**r * beta**s * (tail(mpf(0)) - tail(t))


def pareto_silence(r, alpha, s, beta, t):
    return leaving(r, alpha, s, beta, t), (alpha / (alpha + t)) ** r * (beta / (beta + t)) ** s


def pareto_mean(r, alpha, s, beta, t):
    return r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + t)) ** (s - 1))


def pareto_nbd(case):
    t, x, t_x, age, r, alpha, s, beta = case
    gone, alive = pareto_silence(r + x, alpha + t_x, s, beta + t_x, age - t_x)
    p = alive / (gone + alive)
    now = (r + x, alpha + age, s, beta + age, t)
    left, silent = pareto_silence(*now)
    ll = loggamma(r + x) - loggamma(r) + r * log(alpha) - (r + x) * log(alpha + t_x) + s * log(beta / (beta + t_x)) + log(gone + alive)
    return p, p * pareto_mean(*now), (1 - p) + p * (left + silent), pareto_mean(r, alpha, s, beta, t), ll


def bgbb(case):
    m, x, t_x, n = (int(v) for v in case[:4])
    alpha, beta, c, d = case[4:]
    used = lambda x, n: rf(alpha, x) * rf(beta, n - x) / rf(alpha + beta, n)
    stays = lambda n: rf(d, n) / rf(c + d, n)
    leaves = lambda n: c * rf(d, n) / rf(c + d, n + 1)
    likelihood = used(x, n) * stays(n) + sum(used(x, i) * leaves(i) for i in range(t_x, n))
    p = used(x, n) * stays(n + 1) / likelihood
    mean = sum(used(x + 1, n + 1) * stays(n + i) for i in range(1, m + 1)) / likelihood
    # Silent in m more: gone at some time from t_x on, or there to the end.
    silent = (sum(used(x, i) * leaves(i) for i in range(t_x, n + m)) + used(x, n + m) * stays(n + m)) / likelihood
    new = alpha / (alpha + beta) * sum(stays(i) for i in range(1, m + 1))
    return p, mean, silent, new, log(likelihood)


def by_steps(r, tau, a, b, k, done):
    """Σ over steps until nothing is left."""
    z = tau / (1 + tau)
    p, orders, stay, total, j = (1 - z) ** r, mpf(0), mpf(1), mpf(0), 0
    while True:
        p *= (r + j) / (j + 1) * z
        j += 1
        if (j + done) % k == 0:
            orders += stay
            n = (j + done) // k
            stay *= (b + n - 1) / (a + b + n - 1)
        total += p * orders
        if j > (r + 5) * tau + k and p * orders < mpf(10) ** -28 * total * (1 - z) ** 2:
            return total


def cnbd_k(case, first_too):
    t, x, t_x, age, k, r, alpha, a, b = case
    x, k, chances = int(x), int(k), int(x) + first_too
    shape, share = r + k * x, (age - t_x) / (alpha + age)
    stage = [rf(shape, j) / gamma(j + 1) * share**j for j in range(k)]
    alive = rf(b, chances) / rf(a + b, chances) * ((alpha + t_x) / (alpha + age)) ** shape * sum(stage)
    gone = a * rf(b, chances - 1) / rf(a + b, chances) if chances else mpf(0)
    p, tau = alive / (alive + gone), t / (alpha + age)
    mean = sum(w * by_steps(shape + j, tau, a, b + chances, k, j) for j, w in enumerate(stage)) / sum(stage)
    z = tau / (1 + tau)
    few = lambda j: (1 - z) ** (shape + j) * sum(rf(shape + j, i) / gamma(i + 1) * z**i for i in range(k - j))
    silent = sum(w * few(j) for j, w in enumerate(stage)) / sum(stage)
    new = by_steps(r, t / alpha, a, b + first_too, k, 0) * (b / (a + b) if first_too else 1)
    ll = loggamma(shape) - loggamma(r) + r * log(alpha) - shape * log(alpha + t_x) + log(alive + gone)
    if x:
        ll += (k - 1) * x * log(t_x) - loggamma(k * x) + loggamma(x)
    return p, p * mean, (1 - p) + p * silent, new, ll


def certain(number, unit=0):
    """A ball as its middle; one that is not known to 25 digits, of itself or of a unit, is no reference."""
    assert number.rad() <= 1e-25 * max(abs(number.mid()), unit), number
    return mpf(number.mid().str(40, radius=False))


def integral(f, low, high, rate, growth):
    """∫ f over panels that double from the first, which is as long as the fastest change there; every panel a ball that surely holds its integral."""
    total, at, step = acb(0), low, 1 / (rate + growth)
    while at < high:
        # A panel's end is any number between; only the last must be exact.
        end = (at + step).mid()
        end = end if end < high else high
        total += acb.integral(f, acb(at), acb(end), rel_tol=arb(2) ** -110, abs_tol=arb(2) ** -400)
        at, step = end, min(2 * step.mid(), (3 / growth).mid())
    return total.real


def ggomp_nbd(case):
    """In ball arithmetic (Arb): quadrature with mpmath takes seconds a point, and nothing says how far off it is."""
    t, x, t_x, age, r, alpha, b, s, beta = (arb(float(v)) for v in case)
    # The end of the horizon as one number, so that its two panels' ends agree.
    end = (age + t).mid()
    wear = lambda y: (beta + (b * y).exp() - 1) / beta
    ln_live = lambda y: -s * wear(y).log()
    ln_path = lambda y, analytic: -s * wear(y).log(analytic=analytic)
    risk = lambda y: s * b * (b * y).exp() / (wear(y) * beta)

    def silence(low, high, r):
        """Gone by `high` and silent, alive then and silent; of those alive at `low`."""
        at_low = ln_live(low)
        fall = lambda y, analytic: (-r * ((alpha + y) / (alpha + low)).log(analytic=analytic) + ln_path(y, analytic) - at_low).exp()
        gone = integral(lambda y, analytic: fall(y, analytic) * risk(y), low, high, r / (alpha + low) + risk(low) + b / beta, b)
        return gone, (-r * ((alpha + high) / (alpha + low)).log() + ln_live(high) - at_low).exp()

    def lived(low, high):
        at_low = ln_live(low)
        return integral(lambda y, analytic: (ln_path(y, analytic) - at_low).exp(), low, high, risk(low) + b / beta, b)

    gone, alive = silence(t_x, age, r + x)
    p = alive / (gone + alive)
    left, silent = silence(age, end, r + x)
    mean = (r + x) / (alpha + age) * lived(age, end)
    new = r / alpha * lived(arb(0), t)
    ll = (r + x).lgamma() - r.lgamma() + r * alpha.log() - (r + x) * (alpha + t_x).log() + ln_live(t_x) + (gone + alive).log()
    forecasts = (p, p * mean, gone / (gone + alive) + p * (left + silent), new)
    return [*(certain(value) for value in forecasts), certain(ll, 1)]


EXACT = {
    "bgnbd": lambda case: beta_family(case, 0),
    "mbgnbd": lambda case: beta_family(case, 1),
    "pareto_nbd": pareto_nbd,
    "bgbb": bgbb,
    "bgcnbd_k": lambda case: cnbd_k(case, 0),
    "mbgcnbd_k": lambda case: cnbd_k(case, 1),
    "ggomp_nbd": ggomp_nbd,
}
NAMES = ["p_alive", "orders_expected", "p_zero_orders", "new customer", "log-likelihood"]


def error(name, ours, exact):
    if name == "log-likelihood":
        return abs(ours - exact) / max(1, abs(exact))
    if abs(exact) < mpf("1e-280") and abs(ours) < 1e-280:
        return mpf(0)
    return abs(ours - exact) / abs(exact)


for model, share in SHARES.items():
    if sys.argv[5:] and model not in sys.argv[5:]:
        continue
    if BINARY == "fixture":
        for case in [point(model) for _ in range(POINTS // len(SHARES))]:
            answers = EXACT[model]([mpf(float(v)) for v in case])
            print(f"{model},{','.join(map(repr, map(float, case)))};{','.join(repr(float(v)) for v in answers)}")
        continue
    points = [point(model) for _ in range(max(1, int(POINTS * share)))]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.writelines(f"{model},{','.join(map(repr, map(float, case)))}\n" for case in points)
        file.flush()
        lines = subprocess.run([BINARY, file.name], check=True, capture_output=True, text=True).stdout.splitlines()
    worst = [(mpf(0), None)] * 5
    for case, line in zip(points, lines, strict=True):
        exact = EXACT[model]([mpf(float(v)) for v in case])
        for i, (ours, value) in enumerate(zip(line.split(","), exact)):
            off = error(NAMES[i], mpf(ours), value)
            if not off <= worst[i][0]:
                worst[i] = (off, case)
    print(f"{model}: {len(points)} points; " + "; ".join(f"{n} {mp.nstr(e, 2)}" for n, (e, _) in zip(NAMES, worst)), flush=True)
    for name, (off, case) in zip(NAMES, worst):
        if off > 1e-10:
            print(f"  {name} {mp.nstr(off, 3)} at {case}", flush=True)
