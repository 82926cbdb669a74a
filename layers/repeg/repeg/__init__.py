"""repeg: trading signals become well-executed orders."""

import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Nothing of what is imported is garbage, and to look for some takes a twentieth of a cold start; `invoked` has it
    # looked for again.
    gc.disable()
