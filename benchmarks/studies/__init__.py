"""Which initialization trains better, measured: the article's four networks and the field's.

``python -m benchmarks.studies`` runs every study that is not finished yet, then draws the figures
and writes docs/evidence.md from the recorded results. README of the modules, from the data up:

data      MNIST digits and Hamlet, from installed packages, and the counting patterns
methods   the initializations that are compared
networks  the networks, in PyTorch
training  stochastic gradient descent, from a run to its result
tables    the results as CSV: one line a finished run, and what finished earlier
studies   the list of studies: questions, networks, methods, rates and seeds
statistics  best rates, epochs to a reference loss, bootstrap intervals
claims    what the documents claim, and the verdicts
figures, report  docs/figures and docs/evidence.md
"""
