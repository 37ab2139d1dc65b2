"""Settings, the setup of the first start, and the sound check."""
