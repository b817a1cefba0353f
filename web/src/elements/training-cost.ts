import { trainingBill, trainingGpuHours, trainingMemory, type Shape, type TrainingFigures } from "../decide/calculators";
import { calculator, table } from "../decide/fields";
import { amount } from "../decide/look";
import { dataOf } from "../decide/state";
import { h } from "../dom";

export function mount(host: HTMLElement, signal: AbortSignal): void {
  const figures = dataOf<TrainingFigures>(host);
  const groups = [
    {
      title: "The run",
      fields: [
        { key: "parameters", label: "Parameters that work on a token", value: "6.7 billion" },
        { key: "tokens", label: "Tokens that it reads", value: "1 trillion" },
        { key: "gpu", label: "Hardware", value: "A100", choices: Object.keys(figures.gpus) },
        { key: "share", label: "Share of the peak, if you know it", value: "", optional: true },
      ],
    },
    {
      title: "What you pay",
      fields: [
        { key: "price", label: "$ an hour (an A100 in 2023)", value: "2.21" },
        { key: "pue", label: "Power around the GPU (PUE)", value: "1.1" },
        { key: "carbon", label: "kg CO2eq a kWh (United States)", value: "0.385" },
      ],
    },
    {
      title: "Its shape, for the memory",
      fields: [
        { key: "layers", label: "Layers", value: "32" },
        { key: "width", label: "Width", value: "4096" },
        { key: "heads", label: "Heads", value: "32" },
        { key: "context", label: "Context, tokens", value: "2048" },
        { key: "batch", label: "Batch", value: "1" },
        { key: "rank", label: "Rank of an adapter", value: "8" },
        { key: "fused", label: "Fused attention", value: "yes", choices: ["yes", "no"] },
      ],
    },
  ];
  calculator(host, signal, "training-cost", "What would your training cost?", groups, (inputs) => {
    const parameters = inputs.number("parameters");
    const gpu = inputs.text("gpu");
    const hours = trainingGpuHours(figures, parameters, inputs.number("tokens"), gpu, inputs.optional("share"));
    const prices = [inputs.number("price"), inputs.number("pue"), inputs.number("carbon")] as const;
    const bills = hours.map((one) => trainingBill(figures, one, gpu, ...prices));
    const shape: Shape = {
      layers: inputs.number("layers"),
      width: inputs.number("width"),
      heads: inputs.number("heads"),
      context: inputs.number("context"),
      batch: inputs.number("batch"),
      rank: inputs.number("rank"),
      adapted: 2,
      fused: inputs.yes("fused"),
      checkpointing: false,
    };
    const memory = Object.keys(figures.methods).map((method) => {
      const plain = trainingMemory(figures, parameters, method, shape);
      const thrifty = trainingMemory(figures, parameters, method, { ...shape, checkpointing: true });
      return [method, amount(plain.states, " GB"), amount(plain.total, " GB"), amount(thrifty.total, " GB")];
    });
    return [
      h("p", { class: "verdict" }, amount(hours[1], gpu === "laptop CPU" ? " hours" : " GPU-hours")),
      table(
        ["", "low", "middle", "high"],
        [
          ["Hours", ...hours.map((one) => amount(one))],
          ["Money", ...bills.map((bill) => amount(bill.dollars, "", "$"))],
          ["Energy", ...bills.map((bill) => amount(bill.kwh, " kWh"))],
          ["Carbon", ...bills.map((bill) => amount(bill.kg, " kg"))],
        ],
      ),
      h("p", { class: "quiet" }, `Left out: ${figures.leavesOut}.`),
      h("h3", {}, "Memory on one GPU"),
      table(["Method", "weights and optimizer", "with activations", "with checkpointing"], memory),
      h("p", { class: "quiet" }, "lora and qlora put adapters on two square matrices a layer. Left out: logits, buffers, fragments."),
    ];
  });
}
