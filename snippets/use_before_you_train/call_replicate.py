"""Call an image model on somebody else's machines, through Replicate's own client.

Needs: pip install replicate, and a token in REPLICATE_API_TOKEN
"""

# %% ask for a picture and follow it
import time

import httpx
import replicate
from replicate.exceptions import ModelError, ReplicateError


def draw(prompt: str, looks: int = 120) -> bytes:
    # replicate.run() is all this in one line; it shows no state and never gives up.
    prediction = replicate.predictions.create(
        model="black-forest-labs/flux-schnell",
        input={"prompt": prompt, "output_format": "png", "seed": 0},
    )
    print(prediction.status)
    ends = ("succeeded", "failed", "canceled")
    for _ in range(looks):
        if prediction.status in ends:
            break
        time.sleep(replicate.default_client.poll_interval)  # half a second
        before = prediction.status
        prediction.reload()
        if prediction.status != before:
            print(prediction.status)
    if prediction.status not in ends:
        prediction.cancel()  # or it runs on, and is billed
        raise TimeoutError(f"not ready after {looks} looks, so it was cancelled")
    if prediction.status != "succeeded":
        raise ModelError(prediction)
    # The address dies within hours: keep the file instead.
    file = httpx.get(prediction.output[0], follow_redirects=True, timeout=60)
    return file.raise_for_status().content


# %% call it
import os
from pathlib import Path

if not os.environ.get("REPLICATE_API_TOKEN"):
    print(
        "This example needs a token: make one at replicate.com/account/api-tokens, "
        "put it into the environment variable REPLICATE_API_TOKEN, and run it again."
    )
else:
    try:
        picture = draw("a blacksmith's forge at night, woodcut")
    except ModelError as error:
        why = error.prediction.error or "no reason given"
        raise SystemExit(f"It ended as {error.prediction.status}: {why}") from None
    except ReplicateError as error:
        why = error.detail or error.title or "no reason given"
        raise SystemExit(f"Replicate answered {error.status}: {why}") from None
    except TimeoutError as error:
        raise SystemExit(f"The picture is late: {error}.") from None
    except httpx.HTTPError as error:
        why = str(error).partition("\n")[0]
        raise SystemExit(f"No picture arrived: {why}") from None
    Path("forge.png").write_bytes(picture)
    print(f"forge.png: {len(picture):,} bytes")
