"""Media Feature Extractor, as an installation finds it: ``mfe``, or ``import media_feature_extractor`` in a script.

A wheel has the app and ``src`` inside this package, so that no package of so common a name lies beside those of others;
in a checkout they are beside it. Either way ``src`` can be imported once this was.
"""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE if (_HERE / "src").is_dir() else _HERE.parent))
