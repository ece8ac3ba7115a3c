"""Photos that are copies of each other: found, grouped, decided about. Nothing here touches a file of the user's."""
