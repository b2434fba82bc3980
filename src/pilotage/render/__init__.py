"""One plan, many readers (R3): Markdown, HTML, ICS, charts, alert rules. Pure: a plan in, text out."""
