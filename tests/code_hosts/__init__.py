"""Stand-ins of GitHub and GitLab on a real socket, and what runs their jobs' shell steps as their runners do."""
