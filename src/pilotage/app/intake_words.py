"""What the forms' pages say beside the forms: a title, and its sentences."""

from __future__ import annotations

THANKS = ("Thank you", ("We have received it. You can close this page.",))
NOT_FOUND = (
    "There is nothing here",
    ("The address is incomplete, or your link was used before. A link to the team's survey works once.",),
)
ALREADY = "We have your answer from today already. It counts once."
TOO_MANY = "Too many forms came from your network in the last hour. Please try again later."
