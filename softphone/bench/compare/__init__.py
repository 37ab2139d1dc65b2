"""How fast calls are set up, beside other phones, in one run."""
