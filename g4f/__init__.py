"""The command ``g4f`` and the drop-in names of the G4F REST API; everything they do is done elsewhere."""
