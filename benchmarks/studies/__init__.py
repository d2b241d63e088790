"""Measure which initialization trains better, on the article's four networks and the field's.

``python -m benchmarks.studies`` runs every study that is not finished yet, then draws the figures
and writes docs/evidence.md from the recorded results. The modules, from the data up:

data        MNIST digits and Hamlet, from installed packages, and the counting patterns
methods     the initializations that are compared
networks    the networks, in PyTorch
training    stochastic gradient descent, from a run to its result
patterns    the same for the counting network
flows       signals through deep networks, predicted and simulated
bits        first losses of several processes, and dead heads
tables      runs, and their results as CSV
catalogue   the list of studies: networks, methods, rates and seeds
running     runs the unfinished runs
statistics  best rates, speeds, bootstrap intervals
claims      what the documents claim, and the verdicts
figures     docs/figures
report      docs/evidence.md, by evidence.template.md
"""
