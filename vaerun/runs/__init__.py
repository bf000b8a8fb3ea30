"""What one run is: its config, folder and manifest, and a finished run loaded again."""
