"""Serve the product classifier over HTTP, and call it as a client would.

Needs: pip install torch transformers peft fastapi uvicorn requests, and the folder
models/product-classifier. To keep it running: uvicorn serve_classifier:app
"""

# %% load the classifier once
import time
from pathlib import Path

from peft import PeftModel
from transformers import AutoConfig, AutoModelForSequenceClassification, pipeline

adapter = "models/product-classifier"
if not Path(adapter).exists():
    raise SystemExit(f"{adapter} is missing: fine_tune_lora.py trains it; move it there")
base = "sentence-transformers/all-MiniLM-L6-v2"
config = AutoConfig.from_pretrained(adapter)
model = AutoModelForSequenceClassification.from_pretrained(base, config=config)
model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
classify = pipeline("text-classification", model=model, tokenizer=base, truncation=True)

# %% say what goes in and what comes out
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

app = FastAPI(title="Product classifier")


class Listing(BaseModel):
    text: str = Field(pattern=r"\S", max_length=2000)  # one letter at least


@app.post("/classify")
def answer(listing: Listing) -> dict:
    begun = time.perf_counter()
    best = classify(listing.text)[0]
    took = {"milliseconds": round((time.perf_counter() - begun) * 1000, 1)}
    return {"label": best["label"], "probability": round(best["score"], 3), **took}


# %% refuse in one sentence what it can't read
@app.exception_handler(RequestValidationError)
def explain(request: Request, error: RequestValidationError) -> JSONResponse:
    sentence = 'Send JSON like {"text": "…"}, with 1 to 2,000 characters of text.'
    return JSONResponse({"detail": sentence}, 422)


@app.middleware("http")
async def refuse_large_bodies(request: Request, call_next):
    if request.method == "POST":
        size = request.headers.get("content-length")
        if size is None:
            return JSONResponse({"detail": "Send the length of the body."}, 411)
        if int(size) > 20_000:
            return JSONResponse({"detail": "The body is over 20,000 bytes."}, 413)
    return await call_next(request)


# %% start it and call it tags=["measured"]
import socket
import threading

import requests
import uvicorn

if __name__ == "__main__":
    door = socket.create_server(("127.0.0.1", 0))  # any free port
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    url = f"http://127.0.0.1:{door.getsockname()[1]}/classify"
    skillet = "Cast iron skillet 26 cm. Pre-seasoned, goes from hob to oven."
    bodies = [skillet, "Garden hose 20 m, with spray gun.", "", "x" * 1_000_000, 7]
    try:
        for text in bodies:
            response = requests.post(url, json={"text": text}, timeout=30)
            print(f"{str(text)[:24]:24} {response.status_code} {response.json()}")
        response = requests.post(url, data=b"\xff\xfe", timeout=30)
        print(f"{'two bytes, no text':24} {response.status_code} {response.json()}")
    finally:
        server.should_exit = True
        thread.join()
