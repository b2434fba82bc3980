"""What the model takes, chosen on the training repositories alone, and what it is compared with."""

from __future__ import annotations

from benchmarks.risk_model.columns import Shape

from pilotage.risk.features import FEATURES

SHAPE = Shape(
    measures=("lines_added", "hunks", "decisions_added", "recent_repairs", "is_repair"),
)
RANKED = Shape(measures=SHAPE.measures, ranks=("lines_added", "hunks", "recent_repairs"))
WHOLE = Shape(measures=FEATURES)
