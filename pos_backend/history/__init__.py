"""A shop's past, made up: plausible, as long as one likes, and with books that agree.

It is written by COPY and not by the services, which would take hours; every row is what they would have left behind.
"""
