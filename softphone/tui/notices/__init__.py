"""What the user is told, whichever screen is shown."""
