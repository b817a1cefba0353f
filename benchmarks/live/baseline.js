// The same classifier through transformers.js, as its documentation has it: one pipeline, one button.
import { env, pipeline } from "@huggingface/transformers";

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "/models/";
env.backends.onnx.wasm.wasmPaths = "/ort/";
env.backends.onnx.wasm.numThreads = 1;

window.load = async () => {
  window.classify = await pipeline("text-classification", "sentiment-head", { device: "wasm", dtype: "q8" });
};
