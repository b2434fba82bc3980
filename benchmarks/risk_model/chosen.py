"""What the model takes, chosen on the training repositories alone, and what it is compared with."""

from __future__ import annotations

from benchmarks.risk_model.columns import Shape

from pilotage.risk.features import FEATURES

SHAPE = Shape(
    measures=("lines_added", "decisions_added", "hunks", "length", "changes", "repairs"),
    ranks=("lines_added", "hunks", "changes"),
)
WITHOUT_RANKS = Shape(measures=SHAPE.measures, ranks=())
WHOLE = Shape(measures=FEATURES, ranks=FEATURES)
