"""Time to event: discrimination, Brier score and calibration where follow-up may end before the event.

Every function takes the time to the event or to the end of follow-up (0 or more, one unit throughout), the event
(1, or 0 where follow-up ended without it), and risks of the event, higher meaning earlier. Weights for the
censoring are estimated on the same cases. At one time events come before censorings: whose follow-up ends at t is
at risk at t.
"""
