"""Chat with a model that you call over HTTP, at any address that speaks OpenAI's protocol.

Needs: pip install openai torch "transformers[serving]" psutil. It starts a server of its
own; with OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL in the environment it calls yours.
"""

# %% choose who answers
import atexit
import os
import signal
import socket
import subprocess
import sys
import time

import openai
import psutil


def end(*_: object) -> None:  # even a server that has no name yet ends with this program
    for child in psutil.Process().children():
        child.terminate()
    sys.exit(1)


name = os.environ.get("OPENAI_MODEL", "HuggingFaceTB/SmolLM2-135M-Instruct")
address = os.environ.get("OPENAI_BASE_URL")
if address is None:
    with socket.create_server(("127.0.0.1", 0)) as door:  # any free port
        port = door.getsockname()[1]
    program = [sys.executable, "-m", "transformers.cli.transformers", "serve", name]
    options = ["--host", "127.0.0.1", "--port", str(port)]
    signal.signal(signal.SIGTERM, end)
    server = subprocess.Popen(program + options, stdout=subprocess.DEVNULL)
    atexit.register(server.kill)  # whatever happens, it does not outlive this program
    address = f"http://127.0.0.1:{port}/v1"
    deadline = time.monotonic() + 300  # the first time it downloads the model
    while True:
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                break
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("`transformers serve` did not start: it says why above")
        time.sleep(0.2)
key = os.environ.get("OPENAI_API_KEY", "none")
client = openai.OpenAI(base_url=address, api_key=key, timeout=120)


# %% ask and wait for the whole answer
def explain(error: openai.OpenAIError) -> str:
    if isinstance(error, openai.AuthenticationError):
        return "refused: the server does not know this key, set OPENAI_API_KEY"
    if isinstance(error, openai.APIConnectionError):
        return "no answer: start the server, or correct OPENAI_BASE_URL"
    return f"refused: {error}"


question = {"role": "user", "content": "what is twenty seven plus five"}
request = {"model": name, "messages": [question], "max_tokens": 40, "temperature": 0}
try:
    answer = client.chat.completions.create(**request)
except openai.OpenAIError as error:
    raise SystemExit(explain(error)) from None
print(answer.choices[0].message.content)

# %% take it piece by piece as it is written
for piece in client.chat.completions.create(**request, stream=True):
    if piece.choices and piece.choices[0].delta.content:
        print(repr(piece.choices[0].delta.content), end=" ", flush=True)
print()

# %% see what goes wrong
nobody = client.with_options(base_url="http://127.0.0.1:1/v1", max_retries=0)
stranger = client.with_options(api_key="wrong")  # `transformers serve` asks for no key
for who, caller in {"dead server": nobody, "wrong key": stranger}.items():
    try:
        again = caller.chat.completions.create(**request)
        print(f"{who}: answered all the same: {again.choices[0].message.content}")
    except openai.OpenAIError as error:
        print(f"{who}: {explain(error)}")
