"""Fetches a sentence-transformer from the hub: first its configs and its card, then the weights that its modules need, and no others.

Weights for other frameworks, and those of folders that no module names, aren't fetched. It reads no model.
"""

from __future__ import annotations

from pathlib import Path

from export.model.card import CARD_FILE
from export.model.modules import read_routes
from export.model.weights import WEIGHT_FILES
from handler.errors import ModelError

# "*" matches in folders too.
CONFIGS = ("*.json", "*.txt", "*.model", CARD_FILE)


def download(model: str, revision: str | None) -> Path:
    """Returns the folder of a hub's model in the hub's own cache.

    Raises:
        ModelError: it can't be fetched, or its modules can't be reproduced.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from requests.exceptions import RequestException

    patterns = list(CONFIGS)
    try:
        folder = Path(snapshot_download(model, revision=revision, allow_patterns=patterns))
        routes = read_routes(folder)
        # Modules of both routes, each once.
        places = dict.fromkeys(place for route in routes for place in route.weighted)
        for weights in WEIGHT_FILES:
            lacking = [p for p in places if not any((p / name).is_file() for name in WEIGHT_FILES)]
            if not lacking:
                break
            patterns += [(place / weights).relative_to(folder).as_posix() for place in lacking]
            folder = Path(snapshot_download(model, revision=revision, allow_patterns=patterns))
        return folder
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RequestException, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(" .:")
        raise ModelError(
            f"the model {model} (revision {revision or 'main'}) can't be fetched ({reason}): "
            "check the name and the network, or give a local folder"
        ) from None
