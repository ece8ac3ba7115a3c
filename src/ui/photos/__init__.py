"""Photos in a grid, one large, and a box drawn on one."""
