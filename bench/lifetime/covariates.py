"""BG/NBD and Pareto/NBD with covariates: `fit_lifetime` beside a likelihood written here from Fader & Hardie (2007) and maximised by scipy.

Usage: covariates.py BINARY [CUSTOMERS]; needs requirements.txt. Customers are drawn with known coefficients of a group (0 or 1) and an age.
BG/NBD has its derivatives from autograd; Pareto/NBD is the papers' difference of two ₂F₁, with differences for derivatives.
"""
import json
import subprocess
import sys
import tempfile

import autograd.numpy as np
from autograd import grad, hessian
from autograd.scipy.special import betaln, gammaln
from scipy.optimize import minimize
from scipy.special import hyp2f1

BINARY, CUSTOMERS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5000
LETTERS = {"bgnbd": ["r", "alpha", "a", "b"], "pareto_nbd": ["r", "alpha", "s", "beta"]}
# The letters that covariates move, and the sign of the coefficients.
MOVED = {"bgnbd": [(1, -1), (2, 1), (3, 1)], "pareto_nbd": [(1, -1), (3, -1)]}
TRUTH = {
    "bgnbd": [0.8, 12.0, 0.6, 2.0, 0.6, 0.01, 0.5, -0.01, -0.3, 0.005],
    "pareto_nbd": [0.8, 12.0, 0.7, 14.0, 0.6, 0.01, -0.5, 0.02],
}


def drawn(model, rng):
    z = np.c_[rng.integers(0, 2, CUSTOMERS), np.round(rng.normal(40, 12, CUSTOMERS))].astype(float)
    age = rng.integers(30, 100, CUSTOMERS).astype(float)
    r, alpha, third, fourth = letters(model, np.r_[np.log(TRUTH[model][:4]), TRUTH[model][4:]], z)
    rate = rng.gamma(r, 1 / alpha, CUSTOMERS)
    if model == "bgnbd":
        dropout, until = rng.beta(third, fourth), age
    else:
        dropout, until = np.zeros(CUSTOMERS), np.minimum(age, rng.exponential(1 / rng.gamma(third, 1 / fourth, CUSTOMERS)))
    x, t_x = np.zeros(CUSTOMERS), np.zeros(CUSTOMERS)
    for i in range(CUSTOMERS):
        at = rng.exponential(1 / rate[i])
        while at <= until[i]:
            x[i], t_x[i] = x[i] + 1, at
            if rng.random() < dropout[i]:
                break
            at += rng.exponential(1 / rate[i])
    return x, t_x, age, z


def letters(model, theta, z):
    ln = [theta[i] for i in range(4)]
    for m, (axis, sign) in enumerate(MOVED[model]):
        ln[axis] = ln[axis] + sign * np.dot(z, theta[4 + 2 * m : 6 + 2 * m])
    return [np.exp(value) for value in ln]


def bgnbd(theta, x, t_x, age, z):
    r, alpha, a, b = letters("bgnbd", theta, z)
    front = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stayed = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    many = np.maximum(x, 1)
    left = betaln(a + 1, b + many - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return np.sum(front + np.where(x > 0, np.logaddexp(stayed, left), stayed))


def pareto_nbd(theta, x, t_x, age, z):
    r, alpha, s, beta = letters("pareto_nbd", theta, z)
    k, high, low = r + s + x, np.maximum(alpha, beta), np.minimum(alpha, beta)
    second = np.where(alpha >= beta, s + 1, r + x)
    part = lambda y: hyp2f1(k, second, k + 1, (high - low) / (high + y)) * ((high + t_x) / (high + y)) ** k
    gone = s / k * (part(t_x) - part(age)) * np.exp(-k * np.log(high + t_x))
    alive = np.exp(-(r + x) * np.log(alpha + age) - s * np.log(beta + age))
    return np.sum(gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(alive + gone))


def differences(f):
    """Gradient and Hessian by central differences."""
    step = lambda i, n, h: h * np.eye(n)[i]
    first = lambda t: np.array([(f(t + step(i, len(t), 1e-5)) - f(t - step(i, len(t), 1e-5))) / 2e-5 for i in range(len(t))])
    second = lambda t: np.array([(first(t + step(i, len(t), 1e-4)) - first(t - step(i, len(t), 1e-4))) / 2e-4 for i in range(len(t))])
    return first, second


for model, likelihood in [("bgnbd", bgnbd), ("pareto_nbd", pareto_nbd)]:
    data = drawn(model, np.random.default_rng(20070201))
    x, t_x, age, z = data
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("x,t_x,T,group,age\n")
        file.writelines(",".join(map(repr, map(float, row))) + "\n" for row in np.c_[x, t_x, age, z])
        file.flush()
        ours = json.loads(subprocess.run([BINARY, model, file.name, "1"], check=True, capture_output=True, text=True).stdout)["fit"]
    names = LETTERS[model] + [f"{LETTERS[model][axis]}.{name}" for axis, _ in MOVED[model] for name in ("group", "age")]
    # The age is searched in units of ten years about 40, so that steps in all directions are alike.
    to_file = np.eye(len(names))
    for m, (axis, sign) in enumerate(MOVED[model]):
        to_file[5 + 2 * m, 5 + 2 * m] = 0.1
        to_file[axis, 5 + 2 * m] = -sign * 4
    f = lambda theta: -likelihood(np.dot(to_file, theta), *data)
    first, second = (grad(f), hessian(f)) if model == "bgnbd" else differences(f)
    found = minimize(f, np.r_[0.0, 2.0, 0.0, 1.0, np.zeros(len(names) - 4)], jac=first, method="BFGS", options={"gtol": 1e-3, "maxiter": 500})
    theta = found.x
    for _ in range(3):
        theta = theta - np.linalg.solve(second(theta), first(theta))
    errors = np.sqrt(np.diag(to_file @ np.linalg.inv(second(theta)) @ to_file.T))
    theta = to_file @ theta
    theirs = np.r_[np.exp(theta[:4]), theta[4:]]
    errors = np.r_[errors[:4] * theirs[:4], errors[4:]]
    is_ours = np.array([ours["parameters"][name] for name in names])
    se_ours = np.array([ours["standard_errors"][name] for name in names])
    at_ours = likelihood(np.r_[np.log(is_ours[:4]), is_ours[4:]], *data)
    print(f"\n{model}, {CUSTOMERS:,} customers: log-likelihood {ours['log_likelihood']:.6f}; of scipy's maximum {-f(np.linalg.solve(to_file, theta)):.6f};"
          f" at our parameters by the likelihood here {at_ours:.6f}\n\n| | truth | perennial | standard error | scipy | standard error |\n|---|---|---|---|---|---|")
    for row in zip(names, TRUTH[model], is_ours, se_ours, theirs, errors):
        print("| {} | {} | {:.6f} | {:.6f} | {:.6f} | {:.6f} |".format(*row))
    print(f"\nlargest difference: {np.max(np.abs(is_ours - theirs) / se_ours):.1e} standard errors, {np.max(np.abs(se_ours / errors - 1)):.1e} of a standard error")
