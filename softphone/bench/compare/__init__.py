"""How fast calls are set up, compared with other phones in one run."""
