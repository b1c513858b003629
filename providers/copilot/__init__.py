"""Microsoft Copilot, as the operator's own account sees it."""
