"""Everything reported about releases: messages, notes, announcements, incidents, figures. Pure functions of data."""
