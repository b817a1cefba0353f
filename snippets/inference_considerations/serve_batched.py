"""Serve a classifier over HTTP: requests that wait at the same time share a forward pass.

A full queue says 429, a shutdown answers what was accepted, a bad text fails alone.
Needs: pip install torch transformers fastapi uvicorn httpx. To keep it running:
uvicorn serve_batched:app
"""

# %% load the classifier once
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers import DataCollatorWithPadding

name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForSequenceClassification.from_pretrained(name).eval()
pad = DataCollatorWithPadding(tokenizer)
torch.set_num_threads(max(1, torch.get_num_threads() - 1))  # a core serves the web


# %% answer a batch
def classify(batch: list[dict]) -> list[dict]:
    with torch.inference_mode():
        scores, labels = model(**pad(batch)).logits.softmax(-1).max(-1)
    names = [model.config.id2label[label] for label in labels.tolist()]
    return [
        {"label": label, "probability": round(score, 3), "batch": len(batch)}
        for label, score in zip(names, scores.tolist())
    ]


def classify_each(batch: list[dict]) -> list[dict | Exception]:
    """What fails together is halved until the culprit stands alone."""
    try:
        return classify(batch)
    except Exception as error:
        if len(batch) == 1:
            return [error]
        half = len(batch) // 2
        return classify_each(batch[:half]) + classify_each(batch[half:])


# %% let requests that wait share a forward pass
import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

LARGEST = int(os.environ.get("LARGEST_BATCH", "16"))  # texts in one forward pass
PATIENCE = 0.005  # seconds that the first of a batch waits for company
ROOM = 64  # requests that may wait; whoever comes then is refused


def keep(promise: asyncio.Future, answer: dict | Exception) -> None:
    if promise.done():
        return  # its request was cancelled
    if isinstance(answer, Exception):
        promise.set_exception(answer)
    else:
        promise.set_result(answer)


async def work(waiting: asyncio.Queue) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:  # so the event loop stays free to accept
        while True:
            batch = [await waiting.get()]
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while len(batch) < LARGEST:
                        batch.append(await waiting.get())
            texts, promises = [], []
            for request, tokens, promise in batch:
                if await request.is_disconnected():
                    keep(promise, {})  # nobody listens any more
                else:
                    texts.append(tokens)
                    promises.append(promise)
            if texts:
                answers = await loop.run_in_executor(thread, classify_each, texts)
                for promise, answer in zip(promises, answers):
                    keep(promise, answer)


# %% accept a request or refuse it at the door
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.waiting = asyncio.Queue(ROOM)
    worker = asyncio.create_task(work(app.state.waiting))
    yield  # when this returns, uvicorn has seen every accepted request answered
    worker.cancel()


class Review(BaseModel):
    text: str = Field(pattern=r"\S", max_length=2000)  # one letter at least


app = FastAPI(title="Sentiment", lifespan=lifespan)


@app.post("/classify")
async def answer(review: Review, request: Request) -> dict:
    waiting = request.app.state.waiting
    if waiting.full():
        sentence = f"{ROOM} requests wait already: come back later."
        raise HTTPException(429, sentence, {"Retry-After": "1"})
    tokens = tokenizer(review.text)
    if len(tokens["input_ids"]) > model.config.max_position_embeddings:
        raise HTTPException(422, "The text has more tokens than the model can read.")
    promise = asyncio.get_running_loop().create_future()
    waiting.put_nowait((request, tokens, promise))
    return await promise


@app.exception_handler(RequestValidationError)
def explain(request: Request, error: RequestValidationError) -> JSONResponse:
    sentence = 'Send JSON like {"text": "…"}, with 1 to 2,000 characters of text.'
    return JSONResponse({"detail": sentence}, 422)


# %% start it and call it tags=["measured"]
import socket
import threading
from collections import Counter

import httpx
import uvicorn

if __name__ == "__main__":
    door = socket.create_server(("127.0.0.1", 0), backlog=500)  # any free port
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    url = f"http://127.0.0.1:{door.getsockname()[1]}/classify"
    http = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=None))

    def ask(text: str) -> tuple[int | str, dict]:
        try:
            response = http.post(url, json={"text": text})
        except httpx.TransportError:
            return "no connection", {}
        return response.status_code, response.json()

    good = "A joy from start to finish."
    texts = [good, "It broke on the first day.", "", "! " * 1000, "Worth every penny."]
    try:
        with ThreadPoolExecutor(300) as people:
            for text, (status, reply) in zip(texts, people.map(ask, texts)):
                print(f"{text[:26]:28} {status} {reply.get('label', 'refused')}")
            crowd = list(people.map(ask, [good] * 300))
            passes = sum(1 / reply["batch"] for status, reply in crowd if status == 200)
            count = Counter(status for status, _ in crowd)
            print(f"300 at once: {count[200]} answered in {passes:.0f} forward passes,")
            print(f"             {count[429]} told to come back later")
            last = [people.submit(ask, good) for _ in range(40)]
            last[0].result()  # the first has its answer, others wait
            server.should_exit = True  # as a SIGTERM does
            count = Counter(reply.result()[0] for reply in last)
            thread.join()
            print(f"40 at closing time: {count[200]} answered,")
            print(f"             {count['no connection']} came too late to be accepted")
    finally:
        server.should_exit = True
        thread.join()
        http.close()
