"""The outside world: files, git, HTTP, routers, and what foreign files may hold."""
