"""How the built-in model was made: see docs/models.md."""

import src  # noqa: F401  (before onnxruntime: it says that nothing is to be reported)
