"""Quality and speed, beside peers.

Before numpy, the product's package is imported, as its app does: it says how threads wait.
"""

import src  # noqa: F401
