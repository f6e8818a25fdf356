"""Exit code 0 if the process of this container answers. Alive, not ready: readiness depends on other parts."""

import os
import sys
import urllib.request

port = os.environ.get("ASSAY_HTTP__PORT", "8700")
path = os.environ.get("ASSAY_HEALTH_PATH", "/livez")
try:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=4) as answer:
        sys.exit(answer.status != 200)
except OSError as error:
    sys.exit(f"{path} on port {port}: {error}")
