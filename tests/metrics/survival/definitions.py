"""Measures of time to event written down pair by pair from their definitions, in exact fractions."""

from fractions import Fraction

HALF = Fraction(1, 2)


def remaining(time, event, at, *, of_event=False, before=False):
    """Kaplan and Meier's product of the censoring or the event at or (`before`) just before a time."""
    product = Fraction(1)
    for t in sorted(set(time)):
        if t > at or (before and t == at):
            break
        events = sum(u == t and e for u, e in zip(time, event, strict=True))
        censored = sum(u == t and not e for u, e in zip(time, event, strict=True))
        at_risk = sum(u >= t for u in time)
        if of_event:
            product *= 1 - Fraction(events, at_risk)
        elif at_risk > events:  # events come first
            product *= 1 - Fraction(censored, at_risk - events)
    return product


def above(first, second):
    return HALF if first == second else Fraction(first > second)


def concordance(time, event, risk, weight):
    """Pairs whose earlier time is an event, or that share a time and one of the two has the event."""
    cases = range(len(time))
    over = under = Fraction(0)
    for i in cases:
        for j in cases:
            if event[i] and weight[i] and (time[j] > time[i] or (time[j] == time[i] and not event[j])):
                over += weight[i] * above(risk[i], risk[j])
                under += weight[i]
    return over / under if under else None


def harrell(time, event, risk):
    return concordance(time, event, risk, [1] * len(time))


def case_weights(time, event, horizon, ties, power=1):
    """Inverse weights of those with the event by the horizon, 0 for others; None where one is infinite."""
    out = []
    for t, e in zip(time, event, strict=True):
        g = remaining(time, event, t, before=ties == "textbook")
        if not e or t > horizon:
            out.append(Fraction(0))
        elif g == 0:
            return None
        else:
            out.append(1 / g**power)
    return out


def uno(time, event, risk, tau, ties):
    inside = [e and not (ties == "sksurv" and t >= tau) for t, e in zip(time, event, strict=True)]
    weight = case_weights(time, event, tau, ties, 2) if ties == "textbook" else []
    if ties == "sksurv":
        for t, counts in zip(time, inside, strict=True):
            g = remaining(time, event, t)
            if counts and g == 0:
                return None
            weight.append(1 / g**2 if counts else Fraction(0))
    return None if weight is None else concordance(time, event, risk, weight)


def dynamic(time, event, risk, horizon, ties):
    weight = case_weights(time, event, horizon, ties)
    if weight is None:
        return None
    controls = [r for t, r in zip(time, risk, strict=True) if t > horizon]
    whole = sum(weight) * len(controls)
    over = sum(w * above(r, other) for w, r in zip(weight, risk, strict=True) for other in controls)
    return over / whole if whole else None


def sybil(time, event, risk, year):
    rows = list(zip(time, event, risk, strict=True))
    positive = [r for t, e, r in rows if e and t <= year]
    negative = [r for t, e, r in rows if t > year or (t == year and not e)]
    pairs = [above(p, n) for p in positive for n in negative]
    return sum(pairs) / len(pairs) if pairs else None


def brier(time, event, probability, horizon, ties):
    weight = case_weights(time, event, horizon, ties)
    beyond = [t > horizon for t in time]
    if weight is None or not any(beyond):
        return None
    g = remaining(time, event, horizon)
    lost = sum(w * (1 - Fraction(p)) ** 2 for w, p in zip(weight, probability, strict=True))
    kept = sum(Fraction(p) ** 2 / g for b, p in zip(beyond, probability, strict=True) if b)
    return (lost + kept) / len(time)
