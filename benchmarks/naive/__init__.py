"""The peer: a point of sale as most public Django repositories write it, and as one would write it first.

A loop of get() and save() for each item, nested serializers, sums in Python, DRF's tokens, Django's default middleware.
Three things are kinder to it than what is usual: its connections to the database stay open, a checkout is one
transaction, and its tills send their baskets in the order of product ids, because otherwise its row locks would now
and then wait for each other in a circle, and the answer would be status 500. Nothing stops two of its tills from
selling the same piece.
"""
