"""What the notebooks share: the papers' methods and measures, and how results are kept and shown.

Each word means one thing here. *Relevance* is what LRP gives each input component: signed, and
adding up (where the rule conserves it) to the logit. An *attribution* is any method's number for
each component, a *saliency map* is an attribution laid out over the pixels, and a *heatmap* is the
picture of one. The *logit* is a class's score before the softmax.

Imports point one way: paths, then data, then models; lrp, attacks, metrics and stats know tensors;
claims and plots know tables; provenance, book and run put things together; notebooks know all.
"""
