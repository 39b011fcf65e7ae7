"""The secrets with which this process talks to Prefect's own API: a log must hold them no more than those of the lake.

At DEBUG, the WebSocket library below Prefect prints the password of the API with every connection that it opens.
"""

from __future__ import annotations

from prefect.settings import get_current_settings


def api_secrets() -> tuple[str, ...]:
    """Return the API's key and password of this process, as far as they are set; a password also without its user."""
    api = get_current_settings().api
    whole = tuple(secret.get_secret_value() for secret in (api.key, api.auth_string) if secret)
    return (*whole, *(value.partition(":")[2] for value in whole if ":" in value))
