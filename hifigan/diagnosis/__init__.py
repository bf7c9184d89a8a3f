"""What a run is looked at with when something is odd, and the report of the machine it runs on.

Not in the papers; the loop and the step know nothing of it.
"""
