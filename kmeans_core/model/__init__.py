"""What is estimated: covariance types, parameters and scores, from sums and never point by point.

Nothing here loops over points in Python or asks for a kernel.
"""
