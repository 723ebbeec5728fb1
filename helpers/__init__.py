"""Five papers' methods and tests in rooms that say what they are and what one may touch.

============  ================================================  ====================================
room          what stands there                                 may import
============  ================================================  ====================================
``papers``    the papers' equations: change with paper open     nothing of ours
``measures``  numbers from maps: changes need a hand example    nothing of ours
``store``     files, digests, kept results                      nothing of ours
``inputs``    images, networks, training                        papers.checks, papers.memory, store
``saliency``  every method under one signature: add yours here  the rooms above
``trials``    each paper's test, and the engine that runs them  the rooms above
``planted``   maps that are known to be right; tests on trial   the rooms above
``ranking``   one order of methods over networks and tests      the rooms above
``report``    claims, figures, tables, pages; knows no torch    measures, store
``run``       parameters, execution, run card                   all
============  ================================================  ====================================

Notebooks know all rooms; no room knows a notebook. *Relevance* is what LRP gives each input
component: signed, and adding up (where the rule conserves it) to the logit. An *attribution* is any
method's number for each component, a *saliency map* is an attribution laid out over the pixels, and
a *heatmap* is the picture of one. The *logit* is a class's score before the softmax.
"""
