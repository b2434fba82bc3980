"""What people type. Everything heavy is imported by the command that needs it."""
