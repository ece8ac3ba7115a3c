"""What of a session is about the map."""

AREA = "map-area"
"""Where it has the part that was chosen, see ``services.map.area``: as ``state`` has the words of a box."""
COLOUR = "map-colour"
"""Widget key of what the points are coloured by."""
