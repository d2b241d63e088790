"""Studies of which initialization trains faster, on the article's networks and common ones.

``python -m benchmarks.studies`` runs all unfinished studies, then draws the figures and writes
docs/evidence.md from the recorded results. The modules, in the order in which they use each other:

data        MNIST digits and Hamlet, from installed packages, and the counting patterns
methods     the initializations that are compared
networks    the networks, in PyTorch
training    stochastic gradient descent, from a run to its result
patterns    training of the counting network, pattern by pattern
flows       signals through deep networks, predicted and simulated
bits        first losses of several processes, and dead heads
tables      runs, and their results as CSV
catalogue   the list of studies: networks, methods, rates and seeds
running     execution of the unfinished runs
statistics  best rates, speeds, bootstrap intervals
claims      the claims of the documents, and the verdicts
figures     the figures in docs/figures
report      docs/evidence.md, from evidence.template.md
"""
