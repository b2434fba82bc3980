"""What is told and learned of releases: messages, notes, announcements, incidents, figures. Pure, from data."""
