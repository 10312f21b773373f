"""Writes crates/perennial-learn/src/lifetime/outlook/fixture.csv: predictive laws by numerical integration at 30 digits.

Usage: python bench/lifetime/outlook.py > crates/perennial-learn/src/lifetime/outlook/fixture.csv   (needs mpmath)
never, order and spend are integrated over the latent rates, time over the day of leaving; none by the formulas of the code:
never      P(n in t), n = 0..5, of a Poisson process of rate ~ Gamma(r, alpha)
order      the same where a customer leaves after an order with p ~ Beta(a, b)
time       the same where a customer leaves at a rate ~ Gamma(s, beta)
beta       I_z(a, b)
spend      P(S <= s) of n orders ~ Gamma(p, nu), nu ~ Gamma(q + p x, v + total)
"""

from mpmath import beta, betainc, exp, gamma, gammainc, log, loggamma, mp, mpf, quad

mp.dps = 30


def over_gamma(f, shape, rate):
    """E f(z), z ~ Gamma(shape, rate), in ln z so that a density infinite at 0 does no harm."""
    mean, spread = log(mpf(shape) / rate), 1 / mpf(shape) + 1
    density = lambda u: exp(shape * (u + log(rate)) - rate * exp(u) - loggamma(shape))
    cuts = [mean - 60 * spread, mean - 20 * spread, mean - 6 * spread, mean - 2, mean - 0.5, mean, mean + 0.5, mean + 1, mean + 2, mean + 4, mean + 7]
    return quad(lambda u: density(u) * f(exp(u)), cuts)


def poisson(n, mean):
    return exp(-mean) * mean**n / gamma(n + 1)


def at_least(n, mean):
    return gammainc(n, 0, mean, regularized=True) if n else mpf(1)


def never(n, t, r, alpha):
    return over_gamma(lambda lam: poisson(n, lam * t), r, alpha)


def order(n, t, r, alpha, a, b):
    stays = beta(a, b + n) / beta(a, b)
    leaves = beta(a + 1, b + n - 1) / beta(a, b) if n else 0
    return over_gamma(lambda lam: stays * poisson(n, lam * t) + leaves * at_least(n, lam * t), r, alpha)


def time(n, t, r, alpha, s, b):
    """Over the day of leaving y with density s/b (1 + y/b)^(-s - 1); n orders until then have a negative binomial chance."""
    chance = lambda y: exp(loggamma(r + n) - loggamma(r) - loggamma(n + 1)) * (alpha / (alpha + y)) ** r * (y / (alpha + y)) ** n
    return chance(t) * (1 + t / b) ** -s + quad(lambda y: s / b * (1 + y / b) ** (-s - 1) * chance(y), [0, t / 8, t / 4, t / 2, t])


def row(name, arguments, values):
    print(f"{name},{','.join(repr(float(v)) for v in arguments)};{','.join(repr(float(v)) for v in values)}", flush=True)


for case in [(30, 0.5, 60), (365, 3.7, 800), (90, 25.3, 400)]:
    row("never", case, [never(n, *map(mpf, case)) for n in range(6)])
for case in [(30, 0.5, 60, 0.8, 2.4), (365, 2.25, 500, 0.4, 3.4), (90, 12.2, 300, 1.0, 14), (180, 0.24, 31, 0.01, 6.7)]:
    row("order", case, [order(n, *map(mpf, case)) for n in range(6)])
for case in [(30, 0.55, 70, 0.6, 80), (365, 2.5, 460, 1.3, 500), (90, 12.6, 330, 0.6, 40), (180, 0.4, 5, 2.5, 3)]:
    row("time", case, [time(n, *map(mpf, case)) for n in range(6)])
for a, b, z in [(0.4, 1.2, 1e-3), (6.25, 3.74, 0.5), (62.5, 3.74, 0.99), (1500, 2000, 0.42), (3, 1875, 0.002), (0.1, 0.2, 0.9), (31.0, 70.0, 0.35)]:
    row("beta", (a, b, z), [betainc(mpf(a), mpf(b), 0, mpf(z), regularized=True)])
for n, p, q, v, x, total, s in [(1, 6.25, 3.74, 1500, 0, 0, 900), (3, 6.25, 3.74, 1500, 4, 12000, 9000), (7, 0.8, 2.2, 4000, 1, 300, 20000), (2, 40, 9, 500, 11, 9000, 1700)]:
    below = lambda nu: gammainc(n * p, 0, nu * s, regularized=True)
    row("spend", (n, p, q, v, x, total, s), [over_gamma(below, mpf(q) + mpf(p) * x, mpf(v) + total)])
